/** DICOM files built in code, for tests that need nothing outside the repository. */

import { joinBytes, RfmedsamError } from "@rfmedsam/base";

/** `[tag, value representation, value]`; a sequence's value is its items. */
export type TestElement = readonly [tag: string, vr: string, value: string | readonly number[] | Uint8Array | Items];
type Items = readonly (readonly TestElement[])[];

const long = new Set(["OB", "OW", "OV", "UV", "SV", "SQ", "UN", "UT"]);
const explicitLittleEndian = "1.2.840.10008.1.2.1";

/** An explicit little-endian file with its preamble; elements are sorted by tag. */
export function dicomFile(elements: readonly TestElement[], syntax = explicitLittleEndian): Uint8Array {
  const meta = encode([["00020010", "UI", syntax]]);
  const preamble = new Uint8Array(132);
  preamble.set([0x44, 0x49, 0x43, 0x4d], 128);
  return joinBytes([preamble, meta, encode(elements)]);
}

/** A data set by itself, as old files are. */
export function encode(elements: readonly TestElement[]): Uint8Array {
  const sorted = [...elements].sort(([a], [b]) => (a < b ? -1 : 1));
  return joinBytes(sorted.flatMap(encodeElement));
}

function encodeElement([tag, vr, value]: TestElement): Uint8Array[] {
  const bytes = valueBytes(vr, value);
  const header = new Uint8Array(long.has(vr) ? 12 : 8);
  const view = new DataView(header.buffer);
  view.setUint16(0, Number.parseInt(tag.slice(0, 4), 16), true);
  view.setUint16(2, Number.parseInt(tag.slice(4), 16), true);
  header.set([vr.charCodeAt(0), vr.charCodeAt(1)], 4);
  if (!long.has(vr)) view.setUint16(6, bytes.length, true);
  else view.setUint32(8, isPacked(tag, vr) ? 0xffffffff : bytes.length, true);
  return [header, bytes];
}

function isPacked(tag: string, vr: string): boolean {
  return tag === "7fe00010" && vr === "OB";
}

function valueBytes(vr: string, value: TestElement[2]): Uint8Array {
  if (value instanceof Uint8Array) return value;
  if (typeof value === "string") {
    const bytes = new TextEncoder().encode(value);
    return bytes.length % 2 === 0 ? bytes : joinBytes([bytes, new Uint8Array([vr === "UI" ? 0 : 32])]);
  }
  if (vr === "SQ") {
    return joinBytes((value as Items).flatMap((item) => [...itemHeader(0xe000, encode(item).length), encode(item)]));
  }
  return new Uint8Array(Uint16Array.from(value as readonly number[]).buffer);
}

function itemHeader(element: number, length: number): Uint8Array[] {
  const header = new Uint8Array(8);
  const view = new DataView(header.buffer);
  view.setUint16(0, 0xfffe, true);
  view.setUint16(2, element, true);
  view.setUint32(4, length, true);
  return [header];
}

/** Packed pixels: an empty offset table, a fragment for each frame, the delimiter. For an element of representation OB. */
export function packedFrames(frames: readonly Uint8Array[]): Uint8Array {
  const items = [new Uint8Array(0), ...frames].flatMap((frame) => [...itemHeader(0xe000, frame.length), frame]);
  return joinBytes([...items, ...itemHeader(0xe0dd, 0)]);
}

/** RLE of 16-bit samples without any runs. */
export function rleFrame(samples: Int16Array): Uint8Array {
  const bytes = new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength);
  const planes = [1, 0].map((offset) => {
    const out: number[] = [];
    for (let at = 0; at < samples.length; at += 128) {
      const count = Math.min(128, samples.length - at);
      out.push(count - 1);
      for (let i = 0; i < count; i++) out.push(bytes[2 * (at + i) + offset]!);
    }
    return Uint8Array.from(out);
  });
  const header = new Uint8Array(64);
  new Uint32Array(header.buffer).set([2, 64, 64 + planes[0]!.length]);
  return joinBytes([header, ...planes]);
}

export interface TestSlice {
  readonly rows?: number;
  readonly columns?: number;
  readonly position?: readonly number[];
  readonly orientation?: readonly number[];
  /** Distance of rows, then of columns. */
  readonly spacing?: readonly number[];
  readonly instance?: number;
  readonly uid?: string;
  readonly series?: string;
  readonly samples?: Int16Array;
  /** Elements that replace those above, or `undefined` to leave one out. */
  readonly other?: Readonly<Record<string, TestElement | undefined>>;
}

/** The elements of a CT image of 16-bit signed samples. */
export function ctElements(slice: TestSlice = {}): TestElement[] {
  const { rows = 3, columns = 4, instance = 1, series = "1.2.3", spacing = [1, 1] } = slice;
  const { position = [0, 0, 0], orientation = [1, 0, 0, 0, 1, 0], uid = `1.2.3.${instance}` } = slice;
  const samples = slice.samples ?? Int16Array.from({ length: rows * columns }, (_, i) => 100 * instance + i);
  const elements: Record<string, TestElement | undefined> = {
    sopClass: ["00080016", "UI", "1.2.840.10008.5.1.4.1.1.2"],
    sopInstance: ["00080018", "UI", uid],
    modality: ["00080060", "CS", "CT"],
    seriesDescription: ["0008103e", "LO", "built in code"],
    thickness: ["00180050", "DS", "2"],
    study: ["0020000d", "UI", "1.2"],
    series: ["0020000e", "UI", series],
    seriesNumber: ["00200011", "IS", "7"],
    instance: ["00200013", "IS", String(instance)],
    position: ["00200032", "DS", position.join("\\")],
    orientation: ["00200037", "DS", orientation.join("\\")],
    samplesPerPixel: ["00280002", "US", [1]],
    photometric: ["00280004", "CS", "MONOCHROME2"],
    rows: ["00280010", "US", [rows]],
    columns: ["00280011", "US", [columns]],
    spacing: ["00280030", "DS", spacing.join("\\")],
    bitsAllocated: ["00280100", "US", [16]],
    bitsStored: ["00280101", "US", [16]],
    highBit: ["00280102", "US", [15]],
    representation: ["00280103", "US", [1]],
    pixels: ["7fe00010", "OW", new Uint8Array(samples.buffer, samples.byteOffset, samples.byteLength)],
    ...slice.other,
  };
  return Object.values(elements).filter((element) => element !== undefined);
}

export function ctFile(slice: TestSlice = {}, syntax?: string): Uint8Array {
  return dicomFile(ctElements(slice), syntax);
}

/** A series of axial CT images, 2 mm apart. */
export function ctSeries(count: number, change: (index: number) => TestSlice = () => ({})) {
  return Array.from({ length: count }, (_, index) => ({
    name: `image${index}`,
    bytes: ctFile({ instance: index + 1, position: [0, 0, 2 * index], ...change(index) }),
  }));
}

/** The typed error that reading ends with; anything else fails the test. */
export async function failure(work: Promise<unknown>): Promise<RfmedsamError> {
  const error = await work.then(
    () => new Error("nothing was thrown"),
    (cause: unknown) => cause,
  );
  if (error instanceof RfmedsamError) return error;
  throw error;
}
