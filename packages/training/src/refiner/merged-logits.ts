/** A stage's answers as logits of all classes of a slice, with gradients: what the segmenter merges, before its softmax. */
import type { HeadOutput } from "@rfmedsam/models";
import { absentLogit } from "@rfmedsam/segmenter";
import { F, full, type Tensor, zeros } from "@rfmedsam/torch";
import { type Batch, indicesBy } from "./batch.js";
import type { StageCalibration } from "./calibration.js";

/**
 * Logits of background (0) and calibrated classes, `[images, classes, S, S]`; their softmax is the segmenter's `mergeSlice`, but that no
 * mask logit counts as further from 0 than `absentLogit`: what is sure already should not rule the loss. Of a class's components the largest
 * logit counts. What is absent stays `absentLogit` after the calibration, which would otherwise learn from
 * voxels that it cannot change.
 */
export function mergedLogits(
  { highResMasks: masks, objectScores }: Pick<HeadOutput, "highResMasks" | "objectScores">,
  { samples, objects }: Pick<Batch, "samples" | "objects">,
  calibration: StageCalibration,
  classes: number,
): Tensor {
  const [height, width] = [masks.size(-2), masks.size(-1)];
  const options = { device: masks.device };
  const byPlace = indicesBy(objects, (object) => `${object.image} ${object.class}`);
  /** `[images, classes − 1, …]` from `[objects, 1, …]`. */
  const arranged = (values: Tensor, absent: Tensor) =>
    F.stack(
      samples.map((_, image) =>
        F.cat(
          Array.from({ length: classes - 1 }, (__, i) => {
            const [first, ...others] = (byPlace.get(`${image} ${i + 1}`) ?? []).map((n) => values.select(0, n));
            return first === undefined ? absent : others.reduce((most, other) => most.maximum(other), first);
          }),
        ),
      ),
    );
  const present = objectScores.gt(0).unsqueeze(-1).unsqueeze(-1);
  const inRange = masks.float().clamp({ min: absentLogit, max: -absentLogit });
  const rows = arranged(F.where(present, inRange, absentLogit), full([1, height, width], absentLogit, options));
  const seen = arranged(objectScores.float(), full([1], -1, options)).gt(0);
  const foreground = F.where(seen.unsqueeze(-1).unsqueeze(-1), calibration.forward(rows), absentLogit);
  return F.cat([zeros([samples.length, 1, height, width], options), foreground], { dim: 1 });
}
