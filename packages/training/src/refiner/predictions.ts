/** Step 0's out-of-fold logits of the training cases on disk: what the refiner's prompts are made from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Triple } from "@rfmedsam/imaging";
import type { SliceLabels, SliceProbabilities } from "@rfmedsam/segmenter";
import { noGrad, readSafetensors, scope, type Tensor, tensorSharing, writeSafetensors } from "@rfmedsam/torch";

export class PredictionStore {
  constructor(readonly folder: string) {}

  fileOf(id: string): string {
    return join(this.folder, `${id}.safetensors`);
  }

  has(id: string): boolean {
    return existsSync(this.fileOf(id));
  }

  /** @param logits `[K, z, y, x]`; kept in half precision, which is finer than any prompt needs */
  async add(id: string, logits: Float32Array, classes: number, shape: Triple): Promise<void> {
    const half = noGrad(() => scope(() => tensorSharing(logits, [classes, ...shape]).to({ dtype: "float16" })));
    await writeSafetensors(this.fileOf(id), new Map([["logits", half]]));
    half.free();
  }

  /** float16 `[K, z, y, x]`, mapped from disk. */
  async open(id: string): Promise<Tensor> {
    return (await readSafetensors(this.fileOf(id))).get("logits")!.keep();
  }

  /** `[K, z, y, x]` */
  async read(id: string): Promise<Float32Array> {
    const opened = await this.open(id);
    try {
      return noGrad(() => scope(() => opened.float().toFloat32Array()));
    } finally {
      opened.free();
    }
  }
}

/** @param axis array axis the slices are stacked along */
export function probabilitiesOf(logits: Tensor, axis: 0 | 1 | 2): SliceProbabilities {
  return bySlice(logits, axis, (slice) => slice.softmax(0).toFloat32Array());
}

/** The class with the largest logit in every voxel of a slice. */
export function winnersOf(logits: Tensor, axis: 0 | 1 | 2): SliceLabels {
  return bySlice(logits, axis, (slice) => slice.argmax({ dim: 0 }).to({ dtype: "uint8" }).toArray() as Uint8Array);
}

/** What `make` takes from a slice's logits, `[K, height, width]` in float32. */
function bySlice<T>(logits: Tensor, axis: 0 | 1 | 2, make: (slice: Tensor) => T): (slice: number) => T {
  return (slice) => noGrad(() => scope(() => make(logits.select(axis + 1, slice).float())));
}
