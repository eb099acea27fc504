/** A step 0 that is worse than it is: its own labels go wrong as training prompts do (refiner/degrade.ts). */
import { Random } from "@rfmedsam/base";
import type { AlterStep0 } from "@rfmedsam/segmenter";
import { drawDegradation } from "../refiner/degrade.js";
import { alteredStep0 } from "./altered-step0.js";

/**
 * @param classes background included
 * @param names of the random stream (seed, case …): the same ones degrade alike
 */
export function degradedStep0(classes: number, ...names: readonly number[]): AlterStep0 {
  return alteredStep0(classes, ({ labels, shape: [depth, height, width] }) => {
    const degrade = drawDegradation(new Random(...names), classes);
    const plane = height * width;
    const after = new Uint8Array(labels.length);
    for (let index = 0; index < depth; index++) {
      const own = labels.subarray(index * plane, (index + 1) * plane);
      after.set(degrade({ labels: own, height, width, index }), index * plane);
    }
    return after;
  });
}
