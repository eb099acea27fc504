/**
 * DICOM bytes → the elements before the pixels, and where the pixels lie. Single elements and sequences are read by `dicom-parser`; the
 * walk over the top level is ours, because of what the library does not do (docs/decisions/008-dicom-reading.md): work on the first
 * bytes of a file alone and say when they do not suffice, inflate within bounds, read files without preamble, know the 64-bit value
 * representations, and notice an implicit data set that is cut short. Source: DICOM PS3.5 section 7, PS3.10 section 7.
 */
import { FormatError, RfmedsamError } from "@rfmedsam/base";
import type { ByteStream } from "dicom-parser";
import dicomParser from "dicom-parser";
import { Inflate } from "fflate";
import { describeBytes } from "../sniff.js";
import { formatTag, tags } from "./tags.js";
import {
  explicitLittleEndian,
  implicitLittleEndian,
  type TransferSyntax,
  transferSyntax,
} from "./transfer-syntaxes.js";
import { type Dataset, textOf } from "./values.js";

/** Where the pixels of a file lie, counted in its bytes (for a deflated file: in the inflated ones). */
export interface PixelLocation {
  readonly tag: string;
  readonly offset: number;
  /** `undefined`: packed frames follow, each an item of its own. */
  readonly length: number | undefined;
  /** Written as 16-bit words, which matters for 8-bit pixels in a big-endian file. */
  readonly words: boolean;
}

export interface DicomHeader {
  /** The file meta group; `undefined` in old files without one. */
  readonly meta: Dataset | undefined;
  readonly dataset: Dataset;
  readonly syntax: TransferSyntax;
  /** Where the data set starts in the file. */
  readonly start: number;
  readonly pixels: PixelLocation | undefined;
}

/** Whether bytes are (the start of) a DICOM file: with its preamble, or an old one that starts with its data set. */
export function isDicom(bytes: Uint8Array): boolean {
  return hasPreamble(bytes) || (bytes.length >= 8 && bareSyntax(bytes) !== undefined);
}

/**
 * The elements before the pixels, from the first bytes of a file.
 *
 * @param size the whole file's
 * @returns `undefined` when more bytes are needed
 * @throws FormatError
 */
export function parseHeader(bytes: Uint8Array, size: number, file: string): DicomHeader | undefined {
  const partial = bytes.length < size;
  if (!isDicom(bytes)) {
    throw new FormatError({
      file,
      found: `not a DICOM file: it ${describeBytes(bytes)}`,
      expected: `"DICM" after the first 128 bytes`,
    });
  }
  const walk = new Walk(bytes, partial, file);
  try {
    return walk.header();
  } catch (cause) {
    if (cause === needsMore) return undefined;
    throw cause;
  }
}

const needsMore = Symbol("needs more bytes");
const magic = [0x44, 0x49, 0x43, 0x4d]; // "DICM"

function hasPreamble(bytes: Uint8Array): boolean {
  return magic.every((byte, index) => bytes[128 + index] === byte);
}

/** The syntax of a data set that starts with the first byte; `undefined` if none does. */
function bareSyntax(bytes: Uint8Array): TransferSyntax | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 8));
  const [group, element] = [view.getUint16(0, true), view.getUint16(2, true)];
  if ((group !== 8 && group !== 2) || element > 0x70) return undefined;
  if (/^[A-Z]{2}$/.test(String.fromCharCode(bytes[4]!, bytes[5]!))) return explicitLittleEndian;
  return group === 8 && view.getUint32(4, true) <= 256 ? implicitLittleEndian : undefined;
}

/** Value representations with 32-bit lengths that the parser takes for short ones. */
const wideRepresentations = new Set(["OV", "SV", "UV"]);
const undefinedLength = 0xffffffff;
/** Inflated headers are read up to this; the largest multi-frame headers stay far below. */
const mostInflatedHeader = 1 << 28;

class Walk {
  readonly #bytes: Uint8Array;
  readonly #partial: boolean;
  readonly #file: string;

  constructor(bytes: Uint8Array, partial: boolean, file: string) {
    this.#bytes = bytes;
    this.#partial = partial;
    this.#file = file;
  }

  header(): DicomHeader {
    const begin = hasPreamble(this.#bytes) ? 132 : 0;
    const bare = begin === 0 ? bareSyntax(this.#bytes) : undefined;
    const hasMeta = this.#bytes[begin] === 2 && this.#bytes[begin + 1] === 0;
    if (!hasMeta) return this.#dataset(undefined, begin, bare ?? implicitLittleEndian);
    const { dataset, end } = this.#elements(
      this.#bytes,
      begin,
      explicitLittleEndian,
      (tag) => !tag.startsWith("x0002"),
    );
    const uid = textOf(dataset, tags.transferSyntax);
    if (uid === undefined) {
      // A file cut inside its first group ends before the rest could follow.
      if (end >= this.#bytes.length) throw this.#cut("its first group of elements");
      throw new FormatError({
        file: this.#file,
        found: "a DICOM file without a transfer syntax",
        expected: `element ${formatTag(tags.transferSyntax)}`,
        hint: "export the images again",
      });
    }
    return this.#dataset(dataset, end, transferSyntax(uid));
  }

  #dataset(meta: Dataset | undefined, start: number, syntax: TransferSyntax): DicomHeader {
    if (!syntax.deflated) return this.#fromBytes(meta, this.#bytes, start, syntax, start);
    if (this.#partial) throw needsMore;
    for (let limit = 1 << 20; ; limit *= 4) {
      const inflated = inflateStart(this.#bytes.subarray(start), limit, this.#file);
      try {
        const walk = new Walk(inflated, inflated.length >= limit, this.#file);
        return walk.#fromBytes(meta, inflated, 0, syntax, start);
      } catch (cause) {
        if (cause !== needsMore || limit >= mostInflatedHeader) throw cause === needsMore ? this.#cut("it") : cause;
      }
    }
  }

  #fromBytes(
    meta: Dataset | undefined,
    bytes: Uint8Array,
    at: number,
    syntax: TransferSyntax,
    start: number,
  ): DicomHeader {
    const pixelTags: readonly string[] = [tags.pixelData, tags.floatPixelData, tags.doublePixelData];
    const { dataset, pixels } = this.#elements(bytes, at, syntax, (tag) => pixelTags.includes(tag));
    return { meta, dataset, syntax, start, pixels };
  }

  /** Elements from `at` up to the first whose tag `stops`; its place, if it is the pixels'. */
  #elements(
    bytes: Uint8Array,
    at: number,
    { explicit, bigEndian }: TransferSyntax,
    stops: (tag: string) => boolean,
  ): { dataset: Dataset; end: number; pixels: PixelLocation | undefined } {
    const parser = bigEndian ? dicomParser.bigEndianByteArrayParser : dicomParser.littleEndianByteArrayParser;
    const dataset = emptyDataset(bytes, parser);
    if (at >= bytes.length) return this.#ended(dataset, at);
    const stream = new dicomParser.ByteStream(parser, bytes, at);
    while (stream.position < bytes.length) {
      const start = stream.position;
      let tag = "";
      try {
        tag = dicomParser.readTag(stream);
        stream.position = start;
        if (stops(tag)) return { dataset, end: start, pixels: pixelLocation(stream, tag, explicit) };
        const element = explicit ? explicitElement(stream, dataset.warnings) : implicitElement(stream);
        dataset.elements[tag] = element;
      } catch (cause) {
        if (cause instanceof RfmedsamError) throw cause;
        if (this.#partial) throw needsMore;
        throw this.#cut(tag === "" ? `byte ${start}` : `element ${formatTag(tag)} at byte ${start}`, cause);
      }
      const cut = stream.position > bytes.length || dataset.warnings.some((text) => text.startsWith("eof"));
      if (cut && !this.#partial) throw this.#cut(`element ${formatTag(tag)} at byte ${start}`);
      if (stream.position >= bytes.length) return this.#ended(dataset, stream.position);
    }
    return this.#ended(dataset, stream.position);
  }

  #ended(dataset: Dataset, end: number): { dataset: Dataset; end: number; pixels: undefined } {
    if (this.#partial) throw needsMore;
    return { dataset, end, pixels: undefined };
  }

  #cut(where: string, cause?: unknown): FormatError {
    return new FormatError({
      file: this.#file,
      found: `a DICOM header that is damaged or cut short inside ${where}`,
      expected: "whole elements up to the pixels",
      hint: "copy or export the file again",
      cause,
    });
  }
}

type Parser = typeof dicomParser.littleEndianByteArrayParser;

/** The parser's class of data sets, which its types leave out. */
const { DataSet } = dicomParser as unknown as {
  DataSet: new (parser: Parser, bytes: Uint8Array, elements: Dataset["elements"]) => Dataset;
};

function emptyDataset(bytes: Uint8Array, parser: Parser): Dataset {
  return Object.assign(new DataSet(parser, bytes, {}), { warnings: [] });
}

function explicitElement(stream: ByteStream, warnings: string[]): Dataset["elements"][string] {
  const { position: start, byteArray } = stream;
  const representation = String.fromCharCode(byteArray[start + 4] ?? 0, byteArray[start + 5] ?? 0);
  if (!wideRepresentations.has(representation)) return dicomParser.readDicomElementExplicit(stream, warnings);
  const tag = dicomParser.readTag(stream);
  stream.seek(4);
  const length = stream.readUint32();
  const element = { tag, vr: representation, length, dataOffset: stream.position };
  stream.seek(length);
  return element;
}

function implicitElement(stream: ByteStream): Dataset["elements"][string] {
  return dicomParser.readDicomElementImplicit(stream);
}

/** Reads the start of the pixels' element alone. */
function pixelLocation(stream: ByteStream, tag: string, explicit: boolean): PixelLocation | undefined {
  if (!tag.startsWith("x7fe0")) return undefined;
  const { length, dataOffset, vr } = explicit
    ? dicomParser.readDicomElementExplicit(stream, [], tag)
    : dicomParser.readDicomElementImplicit(stream, tag);
  return { tag, offset: dataOffset, length: length === undefinedLength ? undefined : length, words: vr !== "OB" };
}

/** The first `limit` bytes (or all, if there are fewer) of a deflated data set. @throws FormatError if the stream is damaged */
export function inflateStart(bytes: Uint8Array, limit: number, file: string): Uint8Array {
  const pieces: Uint8Array[] = [];
  let length = 0;
  const stream = new Inflate((piece) => {
    pieces.push(piece);
    length += piece.length;
  });
  // Small steps: one of them can grow a thousandfold.
  const step = 1 << 14;
  try {
    for (let at = 0; at < bytes.length && length < limit; at += step) {
      stream.push(bytes.subarray(at, at + step), at + step >= bytes.length);
    }
  } catch (cause) {
    throw new FormatError({
      file,
      found: "a deflated data set that is damaged or cut short",
      hint: "copy or export the file again",
      cause,
    });
  }
  const out = new Uint8Array(Math.min(length, limit));
  let filled = 0;
  for (const piece of pieces) {
    const part = piece.subarray(0, out.length - filled);
    out.set(part, filled);
    filled += part.length;
  }
  return out;
}
