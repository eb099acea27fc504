/**
 * Where a format's reader gets its bytes: a file on disk (node/file-source.ts), or bytes in memory as a browser has them. Readers ask for
 * the start, look at what it claims, and only then for the rest, piece by piece.
 */
import { FormatError } from "@rfmedsam/base";
import { firstCapacity, Growing } from "./growing.js";
import { gunzipPieces, largestGzipRatio, unzlibPieces } from "./gzip.js";

/** How bytes may be packed. */
export type Packing = "raw" | "gzip" | "zlib";

export interface ByteSource {
  /** Named in errors. */
  readonly file: string | undefined;
  /** Bytes. */
  readonly size: number;
  /** `length` bytes from byte `from`, fewer at the end. */
  read(from: number, length: number): Promise<Uint8Array>;
  /** The bytes from `from` to `to` (the end by default), inflated if packed, their checksum verified. @throws FormatError */
  pieces(packing: Packing, from?: number, to?: number): AsyncIterable<Uint8Array>;
  /** The file of that name in the same folder. */
  beside(name: string): Promise<ByteSource | undefined>;
}

/** Bytes in memory; `beside` holds the files that detached headers may ask for, by name. */
export function sourceOfBytes(
  bytes: Uint8Array,
  { file, beside = {} }: { file?: string | undefined; beside?: Readonly<Record<string, Uint8Array>> } = {},
): ByteSource {
  const inflate = { raw: (part: Uint8Array) => [part], gzip: gunzipPieces, zlib: unzlibPieces } as const;
  return {
    file,
    size: bytes.length,
    read: async (from, length) => bytes.subarray(from, from + length),
    pieces: async function* (packing, from = 0, to = bytes.length) {
      yield* inflate[packing](bytes.subarray(from, to), file);
    },
    beside: async (name) => {
      const other = Object.hasOwn(beside, name) ? beside[name] : undefined;
      return other && sourceOfBytes(other, { file: name, beside });
    },
  };
}

/** A part of a file that holds voxels. */
export interface VoxelPart {
  readonly source: ByteSource;
  readonly packing: Packing;
  /** The part's first and last byte (exclusive), as stored. */
  readonly from: number;
  readonly to?: number | undefined;
  /** Bytes to leave out after inflating. */
  readonly skip: number;
}

/** Surplus that is tolerated (and ignored) after the voxels of a compressed file; more is an attack or a mistake. */
const largestSurplus = 64 * 2 ** 20;

/**
 * The voxels of all parts, one after the other. Memory follows the bytes that arrive; a claim that cannot be true is refused first.
 *
 * @param wanted bytes altogether, the same from every part
 * @param describe what is wanted, for an error: `24×24×3 int16 voxels`
 * @throws FormatError if bytes are missing, or many more follow
 */
export async function collectVoxels(
  parts: readonly VoxelPart[],
  wanted: number,
  describe: string,
): Promise<Uint8Array<ArrayBuffer>> {
  const each = wanted / parts.length;
  for (const part of parts) {
    const stored = Math.max(0, (part.to ?? part.source.size) - part.from);
    const most = (part.packing === "raw" ? stored : stored * largestGzipRatio) - part.skip;
    if (!Number.isSafeInteger(wanted) || !Number.isInteger(each) || each > most) {
      throw tooShort(part.source.file, Math.max(0, most), each, describe, true);
    }
  }
  const trusted = parts.every(({ packing }) => packing === "raw") ? wanted : firstCapacity;
  const room = new Growing(wanted, trusted);
  for (const part of parts) await collectPart(part, room, each, describe);
  return room.bytes();
}

async function collectPart(part: VoxelPart, room: Growing, wanted: number, describe: string): Promise<void> {
  const { source, packing, from, to, skip } = part;
  let [left, missing, surplus] = [skip, wanted, 0];
  for await (const piece of source.pieces(packing, from, to)) {
    const skipped = Math.min(left, piece.length);
    left -= skipped;
    const taken = room.append(piece.subarray(skipped, skipped + missing));
    missing -= taken;
    surplus += piece.length - skipped - taken;
    // The rest of a packed stream is looked at for its checksum only.
    if (missing === 0 && packing === "raw") return;
    if (surplus > largestSurplus) {
      throw new FormatError({
        file: source.file,
        found: `more than ${largestSurplus / 2 ** 20} MB after the last voxel`,
        expected: `${describe} and nothing more`,
        hint: "the header does not fit the data: write the file again from its source",
      });
    }
  }
  if (missing > 0) throw tooShort(source.file, wanted - missing, wanted, describe, false);
}

function tooShort(file: string | undefined, got: number, wanted: number, what: string, atMost: boolean): FormatError {
  return new FormatError({
    file,
    found: `${atMost ? "at most " : ""}${got} bytes of voxels`,
    expected: `${wanted} bytes for ${what}`,
    hint: "the file is cut short or its header is wrong: copy or download it again",
  });
}

/**
 * The data file that a header names. It must lie beside the header: a name that leads anywhere else could make a program read files its
 * user never meant.
 *
 * @throws FormatError for a path, or when there is no such file
 */
export async function dataFileBeside(header: ByteSource, name: string): Promise<ByteSource> {
  const bare = name.replace(/^\.\//, "");
  if (bare === "" || bare === "." || bare === ".." || /[/\\:\0]/.test(bare)) {
    throw new FormatError({
      file: header.file,
      found: `the data file "${name.slice(0, 80)}"`,
      expected: "the plain name of a file beside the header",
      hint: "put both files into one folder and write the bare name into the header",
    });
  }
  const source = await header.beside(bare);
  if (source !== undefined) return source;
  throw new FormatError({
    file: header.file,
    found: `a header whose data file "${bare}" is missing`,
    expected: "both files side by side",
    hint: `copy ${bare} next to the header`,
  });
}
