/**
 * A model's weights out of whatever file they come in: safetensors, or either layout of PyTorch's own format. The file's content
 * decides, not its name.
 */
import type { Dtype } from "../dtype.js";
import { scope } from "../scope.js";
import type { Tensor } from "../tensor.js";
import { MappedFile } from "./mapped-file.js";
import { parseTorch } from "./parse-torch.js";
import { type Described, inWords } from "./pickle-values.js";
import { damaged } from "./problems.js";
import { looksLikeSafetensors, readSafetensors, readSafetensorsHeader } from "./safetensors.js";
import { findStateDict } from "./state-dict.js";
import { TensorReader, verify } from "./tensor-reader.js";
import { type CheckpointOptions, maxBytesOf } from "./torch-file.js";

export interface CheckpointSummary {
  readonly format: "safetensors" | "zip" | "legacy";
  readonly fileBytes: number;
  /** The state dict, in the file's order. */
  readonly tensors: ReadonlyMap<string, { readonly dtype: Dtype; readonly shape: readonly number[] }>;
  /** The key under which the state dict was; `undefined` when the file is nothing else. */
  readonly wrapper: string | undefined;
  /** What is in the file beside the state dict, in words. */
  readonly others: readonly { readonly name: string; readonly kind: string }[];
  /** Of safetensors, its metadata; of PyTorch's files, the texts and numbers beside the state dict. */
  readonly metadata: Readonly<Record<string, string>>;
}

/**
 * What a file of weights holds. Only descriptions are read, however large the file is: that the tensors' own bytes are undamaged
 * (CRC-32) is known when they are read.
 *
 * @throws CheckpointError when the file is damaged, names anything but data or has no state dict, FileError when it cannot be opened
 */
export async function inspectCheckpoint(file: string, options: CheckpointOptions = {}): Promise<CheckpointSummary> {
  using source = await MappedFile.open(file);
  const maxBytes = maxBytesOf(options, source);
  if (isSafetensors(source, maxBytes)) {
    const { entries: tensors, metadata, fileBytes } = await readSafetensorsHeader(file);
    return { format: "safetensors", fileBytes, tensors, wrapper: undefined, others: [], metadata };
  }
  const { format, structure } = parseTorch(source, { maxBytes });
  const { tensors, wrapper, beside } = findStateDict(file, structure);
  const others = beside.map(([name, value]) => ({ name, kind: inWords(value) }));
  return { format, fileBytes: source.size, tensors, wrapper, others, metadata: shortTexts(beside) };
}

/**
 * The state dict of a file of weights: bare, or under "model" or "state_dict"; what is beside it is ignored. Names come in the
 * file's order, each with a tensor of its own (two of them share memory where they did in the model). Tensors are mapped from disk
 * without a copy: changing one changes neither the file nor another process's view.
 *
 * @throws CheckpointError when the file is damaged, names anything but data or has no state dict, FileError when it cannot be opened
 */
export async function readCheckpoint(file: string, options: CheckpointOptions = {}): Promise<Map<string, Tensor>> {
  using source = await MappedFile.open(file);
  const maxBytes = maxBytesOf(options, source);
  if (isSafetensors(source, maxBytes)) return await readSafetensors(file);
  const archive = parseTorch(source, { maxBytes });
  const { tensors } = findStateDict(file, archive.structure);
  await verify(source, archive, new Set([...tensors.values()].map(({ storage }) => storage)));
  return scope(() => {
    const reader = new TensorReader(source, archive.storages);
    return new Map([...tensors].map(([name, description]) => [name, reader.read(description)]));
  });
}

/** @throws CheckpointError for more than is allowed: a safetensors file is as large as its tensors */
function isSafetensors(source: MappedFile, maxBytes: number): boolean {
  const { file, size } = source;
  if (!looksLikeSafetensors(source.bytes(0, Math.min(size, 9)))) return false;
  if (size <= maxBytes) return true;
  throw damaged(file, "limit_exceeded", `it has ${size} bytes, ${maxBytes} are allowed`, {
    hint: "allow more through `maxBytes`",
  });
}

const longestText = 200;

function shortTexts(beside: readonly (readonly [string, Described])[]): Record<string, string> {
  const plain = new Set(["string", "number", "bigint", "boolean"]);
  const texts = beside.filter(([, value]) => plain.has(typeof value) && String(value).length <= longestText);
  return Object.fromEntries(texts.map(([name, value]) => [name, String(value)]));
}
