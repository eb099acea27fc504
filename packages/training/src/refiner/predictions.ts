/** Step 0's out-of-fold logits of the training cases on disk: what the refiner's prompts are made from. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type { SliceLabels, SliceProbabilities } from "@rfmedsam/segmenter";
import {
  noGrad,
  readSafetensors,
  readSafetensorsHeader,
  scope,
  type Tensor,
  tensorSharing,
  writeSafetensors,
} from "@rfmedsam/torch";
import { checksum } from "../loop/checksum.js";

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
    const tensors = new Map([["logits", half]]);
    try {
      await writeSafetensors(this.fileOf(id), tensors, { sha256: checksum(tensors) });
    } finally {
      half.free();
    }
  }

  /**
   * float16 `[K, z, y, x]`, mapped from disk. It is read through once (about a second a GiB) for its checksum, which files of earlier
   * versions lack.
   *
   * @param classes with the background
   * @param shape the prepared case's, `[z, y, x]`
   * @throws CheckpointError, FileError naming the file when it is missing, damaged or of another run
   */
  async open(id: string, classes: number, shape: Triple): Promise<Tensor> {
    const file = this.fileOf(id);
    const wanted = `logits float16 [${[classes, ...shape].join(", ")}]`;
    const { metadata, tensors } = await readWhole(file);
    const found = [...tensors]
      .map(([name, { dtype, shape: own }]) => `${name} ${dtype} [${own.join(", ")}]`)
      .join(", ");
    const problem =
      found !== wanted
        ? unusable(file, found || "no tensors", wanted)
        : metadata.sha256 !== undefined && metadata.sha256 !== checksum(tensors)
          ? unusable(file, "its checksum is not that of its contents", "the file as it was written")
          : undefined;
    if (problem === undefined) return tensors.get("logits")!.keep();
    for (const tensor of tensors.values()) tensor.free();
    throw problem;
  }

  /** `[K, z, y, x]`. @throws as `open` */
  async read(id: string, classes: number, shape: Triple): Promise<Float32Array> {
    const opened = await this.open(id, classes, shape);
    try {
      return noGrad(() => scope(() => opened.float().toFloat32Array()));
    } finally {
      opened.free();
    }
  }
}

async function readWhole(file: string) {
  try {
    return { ...(await readSafetensorsHeader(file)), tensors: await readSafetensors(file) };
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw unusable(file, cause.found, cause.expected, cause);
  }
}

const unusable = (file: string, found: string, expected: string | undefined, cause?: unknown) =>
  new CheckpointError({
    file,
    found,
    expected,
    hint: "delete the file: the same command predicts the case again",
    cause,
  });

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
