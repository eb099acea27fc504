/** Checkpoints of PyTorch without PyTorch: structure and tensor descriptions out of bytes, touching neither disk nor libtorch. */
import { type ByteSource, sourceOf } from "./byte-source.js";
import { damaged } from "./problems.js";
import { type ArchiveRules, defaultMaxBytes, type TorchArchive } from "./torch-archive.js";
import { looksLikePickle, parseLegacy } from "./torch-legacy.js";
import { parseZip } from "./torch-zip.js";
import { looksLikeZip } from "./zip.js";

export interface ParseOptions {
  /** The most bytes that the tensors may take, and that compressed records may expand to; by default 16 times the file, at least 32 MiB. */
  readonly maxBytes?: number;
  /** What errors call the bytes. */
  readonly file?: string;
}

/**
 * Parses what `torch.save` wrote, in either layout. Checksums are checked of what is parsed, not of the storages.
 *
 * @throws CheckpointError for anything else, whatever the bytes are; time and memory stay in proportion to their number
 */
export function parseTorchArchive(
  bytes: Uint8Array,
  { maxBytes, file = "checkpoint" }: ParseOptions = {},
): TorchArchive {
  const source = sourceOf(bytes, file);
  return parseTorch(source, { maxBytes: maxBytes ?? defaultMaxBytes(source) });
}

/** `parseTorchArchive` over any source. */
export function parseTorch(source: ByteSource, rules: ArchiveRules): TorchArchive {
  const { file, size } = source;
  if (size === 0) throw damaged(file, "truncated", "it is empty", { expected: "a checkpoint" });
  const start = source.bytes(0, Math.min(size, 16));
  if (looksLikeZip(start)) return parseZip(source, rules);
  if (looksLikePickle(start)) return parseLegacy(source, rules);
  throw damaged(file, "unknown_format", "it is no file of weights that is understood", {
    expected: "a checkpoint written by torch.save (.pt, .pth), or a safetensors file",
  });
}
