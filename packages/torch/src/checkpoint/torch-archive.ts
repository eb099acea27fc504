/** What both layouts of `torch.save` come to: the structure that was pickled, and where in the file each storage lies. */
import type { ByteSource, StoredBytes } from "./byte-source.js";
import type { PickleRules } from "./pickle-machine.js";
import type { Described, StorageRecord } from "./pickle-values.js";

export interface TorchArchive {
  readonly format: "zip" | "legacy";
  /** Tensors are described; `tensor.storage` is a key of `storages`. */
  readonly structure: Described;
  readonly storages: ReadonlyMap<StorageRecord, NamedBytes>;
}

/** A storage's bytes, and what errors call them. */
export interface NamedBytes extends StoredBytes {
  readonly name: string;
}

/** The largest pickle that is read; that of a model of a thousand tensors has about 150 kB. */
export const pickleLimit = 128 * 2 ** 20;

/**
 * The most bytes that tensors may take, and that compressed records may expand to, unless the caller says otherwise: weights hardly
 * compress, and models hardly repeat them, so what needs more than this was made to fill the memory.
 */
export function defaultMaxBytes(source: ByteSource): number {
  return Math.max(32 * 2 ** 20, 16 * source.size);
}

export type ArchiveRules = Pick<PickleRules, "maxBytes">;
