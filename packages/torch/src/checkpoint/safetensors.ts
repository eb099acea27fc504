/**
 * Safetensors files: an 8-byte little-endian header length, a JSON header (name → dtype, shape, byte range), raw little-endian
 * data. Read by mapping the file, so that loading costs no copy; the header is believed only after it was checked: ranges must
 * follow one another from the header to the end of the file, without gap or overlap, and have the length that dtype and shape give.
 *
 * Format: https://github.com/huggingface/safetensors (README, "Format").
 */
import { open } from "node:fs/promises";
import { CheckpointError, FileError } from "@rfmedsam/base";
import { fileErrorOf, writeFileAtomic } from "@rfmedsam/base/node";
import { type Dtype, dtypeBytes } from "../dtype.js";
import { fromFile } from "../generated/operators.js";
import { noGrad } from "../modes.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { fileSize } from "./mapped-file.js";
import { damaged, glimpse } from "./problems.js";

const names: Readonly<Record<string, Dtype>> = {
  F64: "float64",
  F32: "float32",
  F16: "float16",
  BF16: "bfloat16",
  I64: "int64",
  I32: "int32",
  I16: "int16",
  I8: "int8",
  U8: "uint8",
  BOOL: "bool",
};
const codes = new Map(Object.entries(names).map(([code, dtype]) => [dtype, code]));

/** The largest header that is believed; that of the largest public models is about 10 MB. */
const headerLimit = 100_000_000;
/** No tensor has more dimensions than this (libtorch itself and NumPy stop there). */
const rankLimit = 64;

/** Whether a file starts as a safetensors file does: a header of a size that is possible, which is a JSON object. */
export function looksLikeSafetensors(start: Uint8Array): boolean {
  return start.length >= 9 && start[8] === 0x7b && start[5] === 0 && start[6] === 0 && start[7] === 0;
}

export interface SafetensorsEntry {
  readonly dtype: Dtype;
  readonly shape: readonly number[];
  /** Byte range in the file. */
  readonly start: number;
  readonly end: number;
}

export interface SafetensorsHeader {
  readonly entries: ReadonlyMap<string, SafetensorsEntry>;
  readonly metadata: Readonly<Record<string, string>>;
  readonly fileBytes: number;
}

/** The names, types and shapes in a file, without its data. @throws CheckpointError, FileError */
export async function readSafetensorsHeader(file: string): Promise<SafetensorsHeader> {
  try {
    await using handle = await openForReading(file);
    const { size } = await handle.stat();
    const prefix = new Uint8Array(8);
    if (size < 8)
      throw damaged(file, "truncated", `the file has ${size} bytes`, {
        expected: "at least the 8 bytes of a safetensors header length",
      });
    await handle.read(prefix, 0, 8, 0);
    const length = Number(new DataView(prefix.buffer).getBigUint64(0, true));
    if (length > headerLimit || 8 + length > size) {
      throw damaged(file, "truncated", `its header claims ${length} bytes in a file of ${size}`, {
        expected: "a safetensors file that is whole",
      });
    }
    const header = new Uint8Array(length);
    const { bytesRead } = await handle.read(header, 0, length, 8);
    if (bytesRead < length) {
      throw damaged(file, "truncated", "it became shorter while it was read", {
        expected: "a file that nobody changes",
      });
    }
    return { ...parseHeader(file, header, 8 + length, size), fileBytes: size };
  } catch (cause) {
    throw cause instanceof CheckpointError || cause instanceof FileError ? cause : fileErrorOf(cause, file);
  }
}

async function openForReading(file: string) {
  await fileSize(file);
  const handle = await open(file, "r");
  return Object.assign(handle, { [Symbol.asyncDispose]: () => handle.close() });
}

function parseHeader(
  file: string,
  bytes: Uint8Array,
  dataStart: number,
  fileBytes: number,
): Omit<SafetensorsHeader, "fileBytes"> {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw damaged(file, "malformed_header", "its header is not JSON", { expected: "a safetensors file", cause });
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) {
    throw damaged(file, "malformed_header", "its header is not a JSON object", { expected: "a safetensors file" });
  }
  const entries = new Map<string, SafetensorsEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(parsed)) {
    if (name === "__metadata__") metadata = parseMetadata(file, value);
    else entries.set(name, parseEntry(file, name, value, dataStart, fileBytes));
  }
  refuseGaps(file, entries, dataStart, fileBytes);
  return { entries, metadata };
}

function parseMetadata(file: string, value: unknown): Record<string, string> {
  const plain = typeof value === "object" && value !== null && !Array.isArray(value);
  if (!plain || !Object.values(value).every((text) => typeof text === "string")) {
    throw damaged(file, "malformed_header", "its metadata is not a list of texts", { expected: "a safetensors file" });
  }
  return value as Record<string, string>;
}

/** A name given twice leaves a gap too: JSON keeps the last one. */
function refuseGaps(
  file: string,
  entries: ReadonlyMap<string, SafetensorsEntry>,
  dataStart: number,
  fileBytes: number,
): void {
  const sorted = [...entries].sort(([, a], [, b]) => a.start - b.start || a.end - b.end);
  let covered = dataStart;
  for (const [name, { start, end }] of sorted) {
    if (start !== covered) {
      const what = start < covered ? "overlaps the tensor before it" : "leaves a gap before it";
      throw damaged(file, "malformed_header", `tensor "${name}" at byte ${start} ${what}, which ends at ${covered}`, {
        expected: "tensors in a row",
      });
    }
    covered = end;
  }
  if (covered !== fileBytes) {
    throw damaged(file, "trailing_data", `its tensors end at byte ${covered} of ${fileBytes}`, {
      expected: "a file that ends with its last tensor",
    });
  }
}

function parseEntry(
  file: string,
  name: string,
  value: unknown,
  dataStart: number,
  fileBytes: number,
): SafetensorsEntry {
  const { dtype: code, shape, data_offsets: offsets } = (value ?? {}) as Record<string, unknown>;
  const dtype = typeof code === "string" ? names[code] : undefined;
  const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;
  if (
    dtype === undefined ||
    !Array.isArray(shape) ||
    shape.length > rankLimit ||
    !shape.every(isCount) ||
    !Array.isArray(offsets) ||
    offsets.length !== 2 ||
    !offsets.every(isCount)
  ) {
    throw damaged(file, "malformed_header", `tensor "${name}" is described as ${glimpse(value)}`, {
      expected: `a dtype (${Object.keys(names).join(", ")}), a shape and two offsets`,
    });
  }
  const [from = 0, to = 0] = offsets as number[];
  const extents = shape as number[];
  // Also an empty tensor's other extents must be believable: strides are their products.
  const largest = extents.reduce((count, extent) => count * Math.max(1, extent), dtypeBytes[dtype]);
  if (largest > Number.MAX_SAFE_INTEGER) {
    throw damaged(file, "shape_overflow", `tensor "${name}" has shape ${glimpse(extents)}`, {
      expected: "a shape that fits into memory",
    });
  }
  const needed = extents.includes(0) ? 0 : largest;
  const [start, end] = [dataStart + from, dataStart + to];
  if (end > fileBytes || end - start !== needed) {
    throw damaged(file, "storage_too_short", `tensor "${name}" claims bytes ${start} to ${end} of ${fileBytes}`, {
      expected: `${needed} bytes inside the file (was it copied whole?)`,
    });
  }
  return { dtype, shape: extents, start, end };
}

/**
 * All tensors of a file, mapped from disk without a copy (changing one changes neither the file nor another process's view).
 *
 * @throws CheckpointError when the file is not what it claims, FileError when it cannot be opened
 */
export async function readSafetensors(file: string): Promise<Map<string, Tensor>> {
  const header = await readSafetensorsHeader(file);
  return scope(() => {
    const mapped = fromFile(file, { shared: false, size: header.fileBytes, dtype: "uint8" });
    return new Map([...header.entries].map(([name, entry]) => [name, viewOf(file, name, mapped, entry)]));
  });
}

function viewOf(file: string, name: string, mapped: Tensor, { dtype, shape, start, end }: SafetensorsEntry): Tensor {
  const bytes = mapped.narrow(0, start, end - start);
  if (dtype === "bool" && bytes.gt(1).any().item() !== 0) {
    throw damaged(file, "invalid_value", `tensor "${name}" is of true and false, but has other bytes`, {
      expected: "0 and 1",
    });
  }
  const aligned = start % dtypeBytes[dtype] === 0 ? bytes : bytes.clone();
  return aligned.viewDtype(dtype).view(shape);
}

/**
 * Writes tensors, whole or not at all. Larger elements come first so that every tensor is aligned when the file is mapped.
 *
 * @throws CheckpointError for a name that the format keeps for itself, ResourceError when the disk is full
 */
export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, Tensor>,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  if (tensors.has("__metadata__")) {
    throw new CheckpointError({ file, found: 'a tensor named "__metadata__"', expected: "another name" });
  }
  const sorted = [...tensors].sort(([, a], [, b]) => dtypeBytes[b.dtype] - dtypeBytes[a.dtype]);
  const header: [string, unknown][] = Object.keys(metadata).length > 0 ? [["__metadata__", metadata]] : [];
  let offset = 0;
  for (const [name, tensor] of sorted) {
    const end = offset + tensor.numel * dtypeBytes[tensor.dtype];
    header.push([name, { dtype: codes.get(tensor.dtype), shape: tensor.shape, data_offsets: [offset, end] }]);
    offset = end;
  }
  const json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  const padded = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20);
  new DataView(padded.buffer).setBigUint64(0, BigInt(padded.length - 8), true);
  padded.set(json, 8);
  await writeFileAtomic(file, pieces(padded, sorted));
}

function* pieces(header: Uint8Array, tensors: readonly (readonly [string, Tensor])[]): Generator<Uint8Array> {
  yield header;
  for (const [, tensor] of tensors) {
    if (tensor.numel === 0) continue;
    const contiguous = noGrad(() => scope(() => tensor.detach().to({ device: "cpu" }).contiguous()));
    yield contiguous.shareBytes();
    contiguous.free();
  }
}
