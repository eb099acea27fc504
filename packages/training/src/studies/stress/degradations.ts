/**
 * What goes wrong in a stress test, a row each: step 0's labels, or the image before step 0. Training degrades its prompts, too
 * (refiner/degrade.ts), by amounts that are drawn anew each time and count in parts of the picture; here every strength is stated in
 * millimetres, voxels or parts, and what is random is drawn from the case's own stream.
 */
import type { Random } from "@rfmedsam/base";
import type { Volume } from "@rfmedsam/imaging";
import type { LabelGrid } from "../../choice/altered-step0.js";
import { lowDose, noisy } from "./image-noise.js";
import { dropSlices, erode, falseBlobs, shift, swapLabels } from "./label-damage.js";

export type Degradation =
  /** @returns new labels, `[z, y, x]` */
  | {
      readonly of: "step0";
      readonly sentence: string;
      readonly apply: (grid: LabelGrid, random: Random) => Uint8Array;
    }
  /** @returns a channel's new intensities, on the same grid */
  | { readonly of: "image"; readonly sentence: string; readonly apply: (channel: Volume, random: Random) => Volume };

export const degradations = {
  "dropped-slices": {
    of: "step0",
    sentence: "three of ten slices lose all labels",
    apply: (grid, random) => dropSlices(grid, 0.3, random),
  },
  eroded: {
    of: "step0",
    sentence: "every label loses a rim of 3 mm, one voxel at least",
    apply: (grid) => erode(grid, 3),
  },
  shifted: {
    of: "step0",
    sentence: "all labels lie 8 mm (one voxel at least) off to one side, in the plane",
    apply: (grid, random) => shift(grid, 8, random),
  },
  "swapped-labels": {
    of: "step0",
    sentence: "two labels of the case are taken for each other on three of ten slices",
    apply: (grid, random) => swapLabels(grid, 0.3, random),
  },
  "false-blobs": {
    of: "step0",
    sentence: "three balls of 10 mm radius (one voxel at least) bear labels where there is background",
    apply: (grid, random) => falseBlobs(grid, 3, 10, random),
  },
  noise: {
    of: "image",
    sentence: "Gaussian noise of a tenth of the image's range (percentiles 0.5 to 99.5)",
    apply: (channel, random) => noisy(channel, 0.1, random),
  },
  "low-dose": {
    of: "image",
    sentence: "Poisson noise as of 50 counts at the upper end of the image's range, none at the lower",
    apply: (channel, random) => lowDose(channel, 50, random),
  },
} as const satisfies Record<string, Degradation>;

export type DegradationName = keyof typeof degradations;
export const degradationNames = Object.keys(degradations) as DegradationName[];

/** The row of the undamaged case. */
export const undamaged = "none";
