/**
 * Prepared cases on disk, one safetensors file each, mapped when used: training reads patches without holding the data set, and a
 * resumed run prepares nothing twice.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { type PreparedCase, type PreprocessingRecipe, prepareCase, prepareLabels } from "@rfmedsam/segmenter";
import { readSafetensors, readSafetensorsHeader, type Tensor, tensorSharing, writeSafetensors } from "@rfmedsam/torch";
import type { LoadedCase } from "./load.js";

export interface StoredCase extends Pick<PreparedCase, "data" | "channels" | "shape" | "spacing" | "windows"> {
  readonly id: string;
  /** `[z, y, x]` class indices. */
  readonly truth: Uint8Array;
  /** `data` as a tensor `[C, z, y, x]`; both are the mapped file. */
  readonly image: Tensor;
  /** `truth` as a tensor. */
  readonly labels: Tensor;
  /** For each class but the background, flat indices of some of its voxels. */
  readonly locations: readonly Int32Array[];
  /** Of each class, background first, how many voxels it has. */
  readonly voxels: readonly number[];
}

/** Voxels remembered a class for drawing patches around them. */
const locationSamples = 4000;

export class CaseStore {
  constructor(readonly folder: string) {}

  fileOf(id: string): string {
    return join(this.folder, `${id}.safetensors`);
  }

  has(id: string): boolean {
    return existsSync(this.fileOf(id));
  }

  /** Prepares a case and writes it, whole or not at all. */
  async add({ id, channels, labels }: LoadedCase, recipe: PreprocessingRecipe): Promise<void> {
    const prepared = prepareCase(channels, recipe);
    const marked = prepareLabels(labels, prepared);
    const tensors = new Map([
      ["image", tensorSharing(prepared.data, [prepared.channels, ...prepared.shape])],
      ["labels", tensorSharing(marked, prepared.shape)],
    ]);
    const facts = { spacing: prepared.spacing, windows: prepared.windows };
    await writeSafetensors(this.fileOf(id), tensors, { facts: JSON.stringify(facts) });
    for (const tensor of tensors.values()) tensor.free();
  }

  /**
   * @param classes with the background
   * @throws CheckpointError, FileError naming the file when it is missing, damaged or of another run
   */
  async open(id: string, classes: number): Promise<StoredCase> {
    const file = this.fileOf(id);
    const { metadata } = await readSafetensorsHeader(file);
    const tensors = await readSafetensors(file);
    const { image, labels } = partsOf(tensors, file);
    const facts = factsOf(metadata.facts, file);
    const shape = labels.shape as unknown as Triple;
    const data = new Float32Array(image.shareBytes().buffer as ArrayBuffer);
    const truth = labels.shareBytes();
    const voxels = countClasses(truth, classes, file);
    return {
      id,
      data,
      channels: image.size(0),
      shape,
      ...facts,
      truth,
      image: image.keep(),
      labels: labels.keep(),
      locations: locate(truth, voxels),
      voxels,
    };
  }
}

function partsOf(tensors: ReadonlyMap<string, Tensor>, file: string): { image: Tensor; labels: Tensor } {
  const [image, labels] = [tensors.get("image"), tensors.get("labels")];
  const fit =
    image?.dtype === "float32" &&
    labels?.dtype === "uint8" &&
    labels.shape.length === 3 &&
    image.shape.slice(1).join() === labels.shape.join();
  if (fit) return { image, labels };
  const found = [...tensors].map(([name, { dtype, shape }]) => `${name} ${dtype} [${shape.join(", ")}]`).join(", ");
  throw foreign(file, found || "no tensors", "image float32 [C, z, y, x] and labels uint8 [z, y, x]");
}

function factsOf(text: string | undefined, file: string): Pick<PreparedCase, "spacing" | "windows"> {
  let parsed: Partial<Pick<PreparedCase, "spacing" | "windows">>;
  try {
    parsed = JSON.parse(text ?? "{}") as typeof parsed;
  } catch (cause) {
    throw foreign(file, "facts that are no JSON", "spacing and windows", cause);
  }
  const { spacing, windows } = parsed;
  if (spacing === undefined || windows === undefined)
    throw foreign(file, "no facts about the case", "spacing and windows");
  return { spacing, windows };
}

const foreign = (file: string, found: string, expected: string, cause?: unknown) =>
  new CheckpointError({
    file,
    found,
    expected,
    hint: "delete the file: the same command prepares the case again",
    cause,
  });

function countClasses(data: Uint8Array, classes: number, file: string): number[] {
  const counts = new Array<number>(256).fill(0);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  const beyond = counts.findIndex((count, label) => label >= classes && count > 0);
  if (beyond >= 0) throw foreign(file, `label ${beyond}`, `labels from 0 to ${classes - 1}`);
  return counts.slice(0, classes);
}

/** Evenly spread voxels of every class but the background. */
function locate(data: Uint8Array, counts: readonly number[]): Int32Array[] {
  const classes = counts.length;
  const found = Array.from({ length: classes - 1 }, () => [] as number[]);
  const seen = new Int32Array(classes);
  for (let i = 0; i < data.length; i++) {
    const label = data[i]!;
    if (label === 0) continue;
    const step = Math.max(1, Math.ceil(counts[label]! / locationSamples));
    if (seen[label]!++ % step === 0) found[label - 1]!.push(i);
  }
  return found.map((list) => Int32Array.from(list));
}
