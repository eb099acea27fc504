/** What stands under the tables: how the numbers came about, and what happens where there is nothing to compare. */

import { falseOrganLegend } from "../statistics/paired.js";
import type { SurfaceDefinition } from "../surface/distances.js";
import type { Evaluation } from "./evaluate-folders.js";

/** What each definition measures between. */
const definitions: Readonly<Record<SurfaceDefinition, string>> = {
  deepmind: "surface-distance's (DeepMind): pieces of surface, weighted by their area; HD95 is the larger direction's",
  medpy: "MedPy's: border voxels; HD95 of both directions pooled",
  monai: "MONAI's: border voxels; HD95 is the larger direction's",
};

/** Sentences, in the order of reading. */
export function legendOf({ metrics, settings: { definition, ignoreLabel } }: Evaluation): string[] {
  const surface = metrics.some((metric) => metric.surface);
  const emptyIs = (value: number) => metrics.filter(({ oneEmpty }) => oneEmpty === value).map(({ title }) => title);
  const infinite = emptyIs(Number.POSITIVE_INFINITY);
  return [
    "Intervals: 95 %, bootstrap over the cases (2000 resamples).",
    `Empty masks: a label in neither map of a case is left out there; in one map alone it has 0 as ${emptyIs(0).join(", ")}.`,
    ...(infinite.length > 0
      ? [
          `${infinite.join(", ")} to an empty mask: infinite. Means are over the finite ones, (k ∞) says how many are not.`,
        ]
      : []),
    ...(surface
      ? [`Surface scores in ${definitions[definition!]}. A volume of one slice has a front and a back.`]
      : []),
    ...(ignoreLabel === undefined
      ? []
      : [`Voxels with the label ${ignoreLabel} in the reference count nowhere, and belong to no mask.`]),
  ];
}

/** Under a comparison of two methods. */
export const comparisonLegend: readonly string[] = [
  "Difference: these predictions minus the others, over the cases where one has a score; its interval is the bootstrap's over cases.",
  falseOrganLegend,
  "p: Wilcoxon's signed-rank test, two-sided, equal pairs left out; counted out for up to 25 pairs without ties, else normal with corrections for ties and continuity.",
  "p (Holm): corrected for the number of labels. The last row is over the cases' own means.",
  "Where one distance is infinite the difference is: it ranks as the largest in the test and is not in the mean; two infinite ones are equal.",
];
