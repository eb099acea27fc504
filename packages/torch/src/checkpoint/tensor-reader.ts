/**
 * Makes the tensors that a checkpoint describes: views of the mapped file, so that nothing is copied. A storage that is compressed,
 * or does not begin where its elements may, is copied once. Tensors that share a storage share memory.
 */
import { type FileHandle, open } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { fileErrorOf } from "@rfmedsam/base/node";
import { type Dtype, dtypeBytes } from "../dtype.js";
import { type Tensor, tensor } from "../tensor.js";
import type { MappedFile } from "./mapped-file.js";
import type { StorageRecord, TensorDescription } from "./pickle-values.js";
import { damaged, glimpse } from "./problems.js";
import type { NamedBytes, TorchArchive } from "./torch-archive.js";
import type { ZipEntry } from "./zip.js";
import { readRecord, wrongChecksum } from "./zip-record.js";

/** Bytes read at once; the next ones are on their way while a checksum is computed. */
const piece = 4 * 2 ** 20;

/**
 * Compares the checksums of storages with their bytes. Those that are compressed are checked when they are expanded. The file is read for
 * it, not its mapping: pages of a mapping that were touched once stay with the process.
 *
 * @throws CheckpointError, FileError
 */
export async function verify(
  { file }: MappedFile,
  { storages }: TorchArchive,
  used: Iterable<StorageRecord>,
): Promise<void> {
  const checked = [...used]
    .map((record) => storages.get(record) as NamedBytes)
    .filter(({ deflated, crc32: expected }) => !deflated && expected !== undefined);
  if (checked.length === 0) return;
  const handle = await open(file, "r").catch((cause: unknown) => {
    throw fileErrorOf(cause, file);
  });
  try {
    const read = pieceReader(handle, file);
    for (const { name, start, storedBytes, crc32: expected } of checked) {
      let checksum = 0;
      let coming = read(start, Math.min(piece, storedBytes));
      for (let at = 0; at < storedBytes; at += piece) {
        const bytes = await coming;
        const next = at + piece;
        if (next < storedBytes) coming = read(start + next, Math.min(piece, storedBytes - next));
        checksum = crc32(bytes, checksum);
      }
      if (checksum !== expected) throw wrongChecksum(file, name);
    }
  } finally {
    await handle.close();
  }
}

/** Reads into two buffers in turn: one is computed with while the other fills. */
function pieceReader(handle: FileHandle, file: string): (position: number, length: number) => Promise<Uint8Array> {
  const buffers = [Buffer.allocUnsafe(piece), Buffer.allocUnsafe(piece)] as const;
  let turn = 0;
  return async (position, length) => {
    const buffer = buffers[turn++ % 2]!;
    for (let filled = 0; filled < length; ) {
      const { bytesRead } = await handle.read(buffer, filled, length - filled, position + filled).catch((cause) => {
        throw fileErrorOf(cause, file);
      });
      if (bytesRead === 0) throw damaged(file, "truncated", "it became shorter while it was read");
      filled += bytesRead;
    }
    return buffer.subarray(0, length);
  };
}

/** A tensor to take views of: all elements of `dtype` from where the storage's memory begins, `first` of which come before it. */
interface Base {
  readonly elements: Tensor;
  readonly first: number;
}

/** To be used inside one `scope`, which frees what only helped. */
export class TensorReader {
  readonly #bases = new Map<StorageRecord, Map<Dtype, Base>>();
  /** Storages that were copied. */
  readonly #copies = new Map<StorageRecord, Tensor>();

  constructor(
    readonly source: MappedFile,
    readonly storages: TorchArchive["storages"],
  ) {}

  /** A new tensor over the described memory. @throws CheckpointError */
  read({ storage, dtype, shape, strides, offset }: TensorDescription): Tensor {
    const { elements, first } = this.#base(storage, dtype);
    // An empty tensor may have been cut from behind the end.
    return elements.asStrided(shape, strides, { storageOffset: shape.includes(0) ? 0 : first + offset });
  }

  #base(storage: StorageRecord, dtype: Dtype): Base {
    const known = this.#bases.get(storage) ?? new Map<Dtype, Base>();
    this.#bases.set(storage, known);
    const base = known.get(dtype) ?? this.#makeBase(storage, dtype);
    known.set(dtype, base);
    return base;
  }

  #makeBase(storage: StorageRecord, dtype: Dtype): Base {
    const place = this.storages.get(storage) as NamedBytes;
    const width = dtypeBytes[dtype];
    const mapped = this.source.tensor;
    const inPlace = mapped !== undefined && !place.deflated && place.start % width === 0 && !this.#copies.has(storage);
    const bytes = inPlace ? mapped.narrow(0, place.start, place.bytes) : this.#copy(storage, place);
    if (dtype === "bool" && bytes.gt(1).any().item() !== 0) {
      throw damaged(
        this.source.file,
        "invalid_value",
        `storage ${glimpse(storage.key)} is of true and false, but has other bytes`,
        {
          expected: "0 and 1",
        },
      );
    }
    const whole = bytes.narrow(0, 0, place.bytes - (place.bytes % width));
    return { elements: whole.viewDtype(dtype), first: inPlace ? place.start / width : 0 };
  }

  #copy(storage: StorageRecord, place: NamedBytes): Tensor {
    const made =
      this.#copies.get(storage) ??
      (place.deflated
        ? tensor(readRecord(this.source, place as ZipEntry))
        : tensor(this.source.bytes(place.start, place.bytes)));
    this.#copies.set(storage, made);
    return made;
  }
}
