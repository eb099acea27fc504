/**
 * Prepared cases on disk, one safetensors file each, mapped when used: training reads patches without holding the data set, and a
 * resumed run prepares nothing twice.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
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

  /** @param classes with the background */
  async open(id: string, classes: number): Promise<StoredCase> {
    const file = this.fileOf(id);
    const { metadata } = await readSafetensorsHeader(file);
    const { spacing, windows } = JSON.parse(metadata.facts ?? "{}") as Pick<PreparedCase, "spacing" | "windows">;
    const tensors = await readSafetensors(file);
    const image = tensors.get("image")!.keep();
    const labels = tensors.get("labels")!.keep();
    const shape = labels.shape as unknown as Triple;
    const data = new Float32Array(image.shareBytes().buffer as ArrayBuffer);
    const truth = labels.shareBytes();
    return {
      id,
      data,
      channels: image.size(0),
      shape,
      spacing,
      windows,
      truth,
      image,
      labels,
      locations: locate(truth, classes),
    };
  }
}

/** Evenly spread voxels of every class. */
function locate(data: Uint8Array, classes: number): Int32Array[] {
  const counts = new Int32Array(classes);
  for (const label of data) counts[label]!++;
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
