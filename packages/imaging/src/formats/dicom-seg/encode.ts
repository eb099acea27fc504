/**
 * Attributes → the bytes of a DICOM file, explicit VR little endian, texts in UTF-8, sequences with their lengths. Elements come out in the
 * order of their tags, whatever order they were named in. Why not a library: docs/decisions/010-dicom-seg.md. Source: DICOM PS3.5
 * sections 6 and 7, PS3.10 section 7.
 */
import { ConfigError } from "@rfmedsam/base";
import { type Attribute, dictionary, type ValueRepresentation } from "./dictionary.js";

type Single = string | number;

/** `undefined` leaves an attribute out; `""` and `[]` write it empty. */
export type AttributeValue = Single | readonly Single[] | readonly Attributes[] | Uint8Array | undefined;

export type Attributes = { readonly [Name in Attribute]?: AttributeValue };

/**
 * A file's bytes in two parts, so that the pixels are not copied: everything before them, and the pixels, which come last.
 *
 * @param pixels of even length
 */
export function encodeFile(meta: Attributes, dataset: Attributes, pixels: Uint8Array): Uint8Array[] {
  if (pixels.length >= 0xffffffff || pixels.length % 2 === 1) {
    throw new ConfigError({ found: `${pixels.length} bytes of pixels`, expected: "an even number below 4294967295" });
  }
  const group = new ByteWriter();
  writeElements(group, meta);
  const head = new ByteWriter();
  head.skip(128);
  head.ascii("DICM");
  writeHeader(head, 0x00020000, "UL", 4);
  head.uint32(group.length);
  head.bytes(group.written());
  writeElements(head, dataset);
  writeHeader(head, dictionary.PixelData[0], "OB", pixels.length);
  return [head.written(), pixels];
}

/** Value representations with 32-bit lengths. */
const wide: ReadonlySet<ValueRepresentation> = new Set(["OB", "SQ", "UT"]);
/** Values of one representation follow each other, parted by a backslash, except in these. */
const unparted: ReadonlySet<ValueRepresentation> = new Set(["ST", "UT"]);
const mostBytes: Partial<Record<ValueRepresentation, number>> = {
  AE: 16,
  CS: 16,
  IS: 12,
  LO: 64,
  PN: 64 * 3 + 2,
  SH: 16,
  ST: 1024,
  UI: 64,
};

function writeElements(out: ByteWriter, attributes: Attributes): void {
  const elements = (Object.entries(attributes) as [Attribute, AttributeValue][])
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({ name, value, tag: dictionary[name][0], vr: dictionary[name][1] }));
  elements.sort((a, b) => a.tag - b.tag);
  for (const { name, value, tag, vr } of elements) {
    if (vr === "SQ") writeSequence(out, tag, value as readonly Attributes[]);
    else {
      const bytes = encodeValue(name, vr, value as Exclude<typeof value, readonly Attributes[]>);
      writeHeader(out, tag, vr, bytes.length);
      out.bytes(bytes);
    }
  }
}

function writeSequence(out: ByteWriter, tag: number, items: readonly Attributes[]): void {
  writeHeader(out, tag, "SQ", 0);
  const start = out.length;
  for (const item of items) {
    out.tag(0xfffee000);
    out.uint32(0);
    const begin = out.length;
    writeElements(out, item);
    out.patch(begin - 4, out.length - begin);
  }
  out.patch(start - 4, out.length - start);
}

function writeHeader(out: ByteWriter, tag: number, vr: ValueRepresentation, length: number): void {
  out.tag(tag);
  out.ascii(vr);
  if (wide.has(vr)) {
    out.uint16(0);
    out.uint32(length);
  } else out.uint16(length);
}

function encodeValue(name: Attribute, vr: ValueRepresentation, value: AttributeValue): Uint8Array {
  if (value instanceof Uint8Array) return value;
  const values = (Array.isArray(value) ? value : [value]) as readonly Single[];
  if (vr === "US" || vr === "UL") return binary(name, values, vr === "US" ? 2 : 4);
  if (vr === "AT") return tagsOf(values as readonly Attribute[]);
  const written = values.map((one) => (vr === "DS" ? decimal(one) : text(vr, String(one))));
  const bytes = new TextEncoder().encode(written.join("\\"));
  if (bytes.length % 2 === 0) return bytes;
  const padded = new Uint8Array(bytes.length + 1).fill(vr === "UI" ? 0 : 0x20);
  padded.set(bytes);
  return padded;
}

function binary(name: Attribute, values: readonly Single[], size: 2 | 4): Uint8Array {
  const view = new DataView(new ArrayBuffer(values.length * size));
  for (const [index, value] of values.entries()) {
    const number = Number(value);
    if (!Number.isInteger(number) || number < 0 || number >= 2 ** (8 * size)) {
      throw new ConfigError({ found: `${name} ${value}`, expected: `a whole number of ${8 * size} bits` });
    }
    if (size === 2) view.setUint16(index * 2, number, true);
    else view.setUint32(index * 4, number, true);
  }
  return new Uint8Array(view.buffer);
}

function tagsOf(names: readonly Attribute[]): Uint8Array {
  const out = new ByteWriter();
  for (const name of names) out.tag(dictionary[name][0]);
  return out.written();
}

/** What would end a value or break a line is replaced; a text that is too long is cut. */
function text(vr: ValueRepresentation, value: string): string {
  const plain = [...value].map((character) => (character < " " || character === "\u007f" ? " " : character)).join("");
  const single = unparted.has(vr) ? plain : plain.replaceAll("\\", "/");
  return cut(single, mostBytes[vr] ?? Number.POSITIVE_INFINITY).trim();
}

/** By bytes, as many readers count, though the standard counts characters. */
function cut(value: string, most: number): string {
  const characters = [...value];
  while (new TextEncoder().encode(characters.join("")).length > most) characters.pop();
  return characters.join("");
}

/** A number in at most 16 characters, as DS demands; the exponent is never what gets lost. */
export function decimal(value: Single): string {
  const number = Number(value);
  if (value === "") return "";
  if (!Number.isFinite(number)) throw new ConfigError({ found: `the number ${value}`, expected: "a finite number" });
  if (typeof value === "string" && value.trim().length <= 16) return value.trim();
  for (let digits = 17; ; digits--) {
    const rounded = Number(number.toPrecision(digits));
    const written = [String(rounded), rounded.toExponential()].find((form) => form.length <= 16);
    if (written !== undefined) return written;
  }
}

/** Bytes that grow; little endian. */
class ByteWriter {
  length = 0;
  #room = new Uint8Array(1 << 12);
  #view = new DataView(this.#room.buffer);

  written(): Uint8Array {
    return this.#room.subarray(0, this.length);
  }

  /** Leaves zeros. */
  skip(count: number): number {
    const start = this.length;
    this.length += count;
    if (this.length > this.#room.length) {
      const larger = new Uint8Array(Math.max(this.length, 2 * this.#room.length));
      larger.set(this.#room.subarray(0, start));
      this.#room = larger;
      this.#view = new DataView(larger.buffer);
    }
    return start;
  }

  bytes(bytes: Uint8Array): void {
    const start = this.skip(bytes.length);
    this.#room.set(bytes, start);
  }

  ascii(text: string): void {
    const start = this.skip(text.length);
    for (let i = 0; i < text.length; i++) this.#room[start + i] = text.charCodeAt(i);
  }

  uint16(value: number): void {
    const start = this.skip(2);
    this.#view.setUint16(start, value, true);
  }

  uint32(value: number): void {
    const start = this.skip(4);
    this.#view.setUint32(start, value, true);
  }

  tag(tag: number): void {
    this.uint16(tag >>> 16);
    this.uint16(tag & 0xffff);
  }

  patch(position: number, value: number): void {
    this.#view.setUint32(position, value, true);
  }
}
