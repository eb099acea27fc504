/** A step 0 that is worse than it is: its own labels go wrong as training prompts do (refiner/degrade.ts), slice by slice along the refiner's axis. */
import { Random } from "@rfmedsam/base";
import {
  type AlterStep0,
  axesOf,
  extractSlice,
  placeSlice,
  type RefinerSettings,
  sliceAxes,
} from "@rfmedsam/segmenter";
import { drawDegradation } from "../refiner/degrade.js";
import { alteredStep0 } from "./altered-step0.js";

/**
 * @param classes background included
 * @param settings of the refiner: which way it slices; a fused one's first
 * @param names of the random stream (seed, case …): the same ones degrade alike
 */
export function degradedStep0(
  classes: number,
  settings: Pick<RefinerSettings, "axis">,
  ...names: readonly number[]
): AlterStep0 {
  const axis = sliceAxes[axesOf(settings)[0]!];
  return alteredStep0(classes, ({ labels, shape }) => {
    const degrade = drawDegradation(new Random(...names), classes);
    const [height, width] = shape.filter((_, other) => other !== axis) as [number, number];
    const after = new Uint8Array(labels.length);
    for (let index = 0; index < shape[axis]; index++) {
      const own = extractSlice(labels, shape, axis, index, new Uint8Array(height * width));
      placeSlice(degrade({ labels: own, height, width, index }), after, shape, axis, index);
    }
    return after;
  });
}
