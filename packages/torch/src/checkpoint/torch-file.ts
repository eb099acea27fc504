/** Whole PyTorch files: everything that was pickled, with tensors. For a model's weights alone see `readCheckpoint`. */
import { ConfigError } from "@rfmedsam/base";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { MappedFile } from "./mapped-file.js";
import { parseTorch } from "./parse-torch.js";
import {
  type Described,
  OpaqueObject,
  PickledTuple,
  type PickledValue,
  type StorageRecord,
  TensorDescription,
} from "./pickle-values.js";
import { TensorReader, verify } from "./tensor-reader.js";
import { defaultMaxBytes } from "./torch-archive.js";

export interface CheckpointOptions {
  /**
   * The most bytes that the tensors may take, and that compressed records may expand to. By default 16 times the file, at least
   * 32 MiB: what weights never need, but files made to fill the memory do.
   */
  readonly maxBytes?: number;
}

/** @throws ConfigError for what is no number of bytes */
export function maxBytesOf({ maxBytes }: CheckpointOptions, source: MappedFile): number {
  if (maxBytes !== undefined && !(maxBytes >= 0)) {
    throw new ConfigError({ file: "maxBytes", found: String(maxBytes), expected: "a number of bytes" });
  }
  return maxBytes ?? defaultMaxBytes(source);
}

/**
 * Everything in a file that `torch.save` wrote, in either of its layouts, without running anything of it. Dictionaries come as `Map`,
 * lists as arrays, the rest as `PickledValue` says; a tensor that occurs twice is one `Tensor`. Tensors are mapped from disk without a
 * copy (changing one changes neither the file nor another process's view), in main memory wherever they were, and want no gradient.
 *
 * @throws CheckpointError when the file is damaged or names anything but data, FileError when it cannot be opened
 */
export async function readTorchFile(file: string, options: CheckpointOptions = {}): Promise<PickledValue<Tensor>> {
  using source = await MappedFile.open(file);
  const archive = parseTorch(source, { maxBytes: maxBytesOf(options, source) });
  const found = new Set<StorageRecord>();
  rebuild(archive.structure, (description) => {
    found.add(description.storage);
    return description;
  });
  await verify(source, archive, found);
  return scope(() => {
    const reader = new TensorReader(source, archive.storages);
    const made: Tensor[] = [];
    const read = rebuild(archive.structure, (description) => {
      const tensor = reader.read(description);
      made.push(tensor);
      return tensor;
    });
    // A tensor may be a key, where the scope does not look.
    for (const tensor of made) tensor.keep();
    return read;
  });
}

/** The same structure with other tensors; what occurs twice stays one. Its depth is limited (pickle-structure.ts). */
function rebuild<T>(root: Described, make: (description: TensorDescription) => T): PickledValue<T> {
  const known = new Map<object, PickledValue<T>>();
  const convert = (value: Described): PickledValue<T> => {
    if (typeof value !== "object" || value === null) return value;
    const before = known.get(value);
    if (before !== undefined) return before;
    const made = convertNew(value, convert, make);
    known.set(value, made);
    return made;
  };
  return convert(root);
}

type Convert<T> = (value: Described) => PickledValue<T>;

function convertNew<T>(
  value: Described & object,
  convert: Convert<T>,
  make: (description: TensorDescription) => T,
): PickledValue<T> {
  if (value instanceof TensorDescription) return make(value);
  if (Array.isArray(value)) return (value as readonly Described[]).map(convert);
  if (value instanceof PickledTuple) return new PickledTuple<T>((value.items as readonly Described[]).map(convert));
  if (value instanceof Map) {
    return new Map(
      [...(value as ReadonlyMap<Described, Described>)].map(([key, entry]) => [convert(key), convert(entry)]),
    );
  }
  if (value instanceof Set) return new Set([...(value as ReadonlySet<Described>)].map(convert));
  // Names of functions and classes, which carry what they do here, come out as names alone.
  if (value instanceof OpaqueObject) return new OpaqueObject(value.className);
  return value as PickledValue<T>;
}
