/**
 * Collects a NIfTI file from pieces of its uncompressed bytes: first the header, then exactly as many voxel bytes as it
 * announces. Memory follows the bytes that arrive, never the header's claim alone.
 */
import { FormatError } from "@rfmedsam/base";
import { formatShape } from "../../grid.js";
import { firstCapacity, Growing } from "../growing.js";
import { type NiftiHeader, niftiHeaderBytes, niftiVoxelCount, parseNiftiHeader } from "./header.js";

/** Surplus that is tolerated (and ignored) after the voxels of a compressed file; more is an attack or a mistake. */
const largestSurplus = 64 * 2 ** 20;
const largestExtension = 256 * 2 ** 20;

export interface AssembledNifti {
  readonly header: NiftiHeader;
  /** The bytes between header and voxels (the extensions), for single files. */
  readonly between: Uint8Array;
  /** As stored: byte order of the file, no scaling; empty for the header of a pair. */
  readonly voxels: Uint8Array<ArrayBuffer>;
  /** Bytes after the last voxel. */
  readonly surplus: number;
}

export interface AssembleOptions {
  readonly file?: string | undefined;
  /** The most uncompressed bytes the source can give, known from its size. */
  readonly available: number;
  /** What the source says it holds (a file's size, a gzip trailer): room for that much is made at once. */
  readonly announced: number;
  /** For the `.img` of a pair: the header read before. */
  readonly pairHeader?: NiftiHeader | undefined;
}

/** Feed with `push`, close with `finish`. For a pair, feed the header file first, then a second one with `pairHeader`. */
export class NiftiAssembler {
  readonly #options: AssembleOptions;
  #header: NiftiHeader | undefined;
  #before = new Growing(Number.POSITIVE_INFINITY, niftiHeaderBytes);
  #voxels: Growing | undefined;
  #surplus = 0;

  constructor(options: AssembleOptions) {
    this.#options = options;
    if (options.pairHeader !== undefined) this.#start(options.pairHeader);
  }

  get header(): NiftiHeader | undefined {
    return this.#header;
  }

  /** Whether every announced voxel has arrived. */
  get complete(): boolean {
    return this.#voxels?.full ?? false;
  }

  push(piece: Uint8Array): void {
    let rest = piece;
    if (this.#header === undefined) {
      const head = rest.subarray(0, niftiHeaderBytes - this.#before.length);
      this.#before.append(head);
      rest = rest.subarray(head.length);
      if (this.#before.length < niftiHeaderBytes) return;
      rest = this.#parse(rest);
    }
    const missing = this.#header!.voxelOffset - this.#before.length;
    if (missing > 0) {
      const part = rest.subarray(0, missing);
      this.#before.append(part);
      rest = rest.subarray(part.length);
    }
    const taken = this.#voxels!.append(rest);
    this.#surplus += rest.length - taken;
    if (this.#surplus > largestSurplus) {
      throw new FormatError({
        file: this.#options.file,
        found: `more than ${largestSurplus / 2 ** 20} MB after the last voxel`,
        expected: `${formatShape(this.#header!.dims)} ${this.#header!.datatype.name} voxels and nothing more`,
        hint: "the header does not fit the data: write the file again from its source",
      });
    }
  }

  /** @throws FormatError if header or voxels are missing bytes */
  finish(): AssembledNifti {
    if (this.#header === undefined) {
      // Shorter than both headers together can be: a small file, or no NIfTI at all.
      const rest = this.#parse(new Uint8Array(0));
      this.#voxels!.append(rest);
    }
    const header = this.#header!;
    const voxels = this.#voxels!;
    if (!voxels.full) throw this.#tooShort(header, voxels.length, voxels.limit);
    const start = header.version === 1 ? 348 : 540;
    const between = header.container === "single" ? this.#before.bytes().slice(start, header.voxelOffset) : noBytes;
    return { header, between, voxels: voxels.bytes(), surplus: this.#surplus };
  }

  /** Parses what is in `#before`, and gives back the bytes that belong behind it. */
  #parse(rest: Uint8Array): Uint8Array {
    const bytes = this.#before.bytes();
    const header = parseNiftiHeader(bytes, this.#options.file);
    this.#start(header);
    if (header.container === "pair") return noBytes;
    // Voxels of NIfTI-1 may start before byte 544, inside what was collected for the header.
    this.#voxels!.append(bytes.subarray(header.voxelOffset));
    return rest;
  }

  #start(header: NiftiHeader): void {
    this.#header = header;
    const { available, pairHeader, file } = this.#options;
    const isHeaderOfPair = header.container === "pair" && pairHeader === undefined;
    const wanted = isHeaderOfPair ? 0 : niftiVoxelCount(header) * header.datatype.bytes;
    if (pairHeader !== undefined) this.#before = new Growing(Number.POSITIVE_INFINITY, header.voxelOffset);
    if (!isHeaderOfPair && header.voxelOffset > Math.min(available, largestExtension)) {
      throw new FormatError({
        file,
        found: `voxels that start at byte ${header.voxelOffset} (vox_offset)`,
        expected: `a start inside the file's ${available} bytes`,
      });
    }
    if (!Number.isSafeInteger(wanted) || header.voxelOffset + wanted > available) {
      throw this.#tooShort(header, Math.max(0, available - header.voxelOffset), wanted);
    }
    const trusted = this.#options.announced >= wanted ? wanted : firstCapacity;
    this.#voxels = new Growing(wanted, trusted);
  }

  #tooShort(header: NiftiHeader, got: number, wanted: number): FormatError {
    return new FormatError({
      file: this.#options.file,
      found: `${this.#voxels === undefined ? "at most " : ""}${got} bytes of voxels`,
      expected: `${wanted} bytes for ${formatShape(header.dims)} ${header.datatype.name} voxels`,
      hint: "the file is cut short or its header is wrong: copy or download it again",
    });
  }
}

const noBytes = new Uint8Array(0);
