/** `imgref/metrics`: counts and what is made of them, by formula and as nnU-Net has them. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import type { LabelOrRegion } from "./classes.js";
import { metrics } from "./metrics.js";
import {
  type Counts,
  countOverlap,
  dice,
  jaccard,
  precision,
  recall,
  specificity,
  volumeSimilarity,
} from "./overlap.js";
import { summarise } from "./summary.js";
import { arrayOf, type Json, numberAt, objectAt, type ReferenceCase, referenceCases } from "./testing/reference.js";

type Facts = { readonly [key: string]: Json };

/** Equal within the case's own relative tolerance; NaN equals NaN. Recorded under the case's name. */
const judge =
  (name: string) =>
  (actual: number, expected: number, relative: number, what: string): void => {
    const allowed = Number.isFinite(expected) ? relative * Math.abs(expected) : 0;
    expect(
      compareNumbers(`imgref/metrics/${name}`, [actual], [expected], allowed),
      `${what}: ${actual} is not ${expected}`,
    ).toBeLessThanOrEqual(allowed);
  };
type Judge = ReturnType<typeof judge>;

function expectCounts({ tp, fp, fn, tn }: Counts, { TP, FP, FN, TN }: Facts, close: Judge) {
  for (const [actual, expected] of [
    [tp, TP],
    [fp, FP],
    [fn, FN],
    [tn, TN],
  ] as const) {
    close(actual, Number(expected), 0, "count");
  }
}

/** The multi-label cases state no tolerance: counts are exact, so the ratios are the last bit of a double apart at most. */
const lastBit = 2 ** -51;

function expectNnunetMetrics(counts: Counts, expected: Facts, close: Judge) {
  expectCounts(counts, expected, close);
  close(dice(counts), numberAt(expected, "Dice"), lastBit, "Dice");
  close(jaccard(counts), numberAt(expected, "IoU"), lastBit, "IoU");
  expect([counts.tp + counts.fp, counts.tp + counts.fn]).toEqual([expected.n_pred, expected.n_ref]);
}

function expectFormulas(counts: Counts, expected: Facts, tolerance: number, close: Judge) {
  const formulas = { dice, jaccard, precision, recall, specificity };
  for (const [name, formula] of Object.entries(formulas)) {
    close(formula(counts), numberAt(expected, name), tolerance, name);
  }
  close(volumeSimilarity(counts), numberAt(expected, "volume_similarity"), tolerance, "volume similarity");
}

describe.each(referenceCases("metrics"))("two masks: $name", (reference) => {
  const [counts] = countOverlap(arrayOf(reference, "pred").data, arrayOf(reference, "gt").data, [1]) as [Counts];
  const tolerance = numberAt(reference.facts, "tolerance_rel");
  const expected = objectAt(reference.facts, "counts");
  const close = judge(reference.name);

  test("counts", () => expectCounts(counts, expected, close));

  test("scores", () => expectFormulas(counts, objectAt(reference.facts, "formula"), tolerance, close));

  test("volumes", () => {
    const surface = () => expect.unreachable("volumes need no surface");
    const pair = { counts, voxelMl: numberAt(expected, "voxel_volume_mm") / 1000, surface };
    const { predictedMl, referenceMl } = metrics;
    close(predictedMl.compute(pair) * 1000, numberAt(expected, "volume_pred"), tolerance, "predicted volume");
    close(referenceMl.compute(pair) * 1000, numberAt(expected, "volume_gt"), tolerance, "reference volume");
  });
});

describe.each(referenceCases("metrics_multilabel"))("labels, regions and an ignored label: $name", (reference) => {
  const prediction = arrayOf(reference, "pred").data;
  const labels = reference.facts.labels as readonly number[];
  const close = judge(reference.name);

  const check = (group: string, masks: ReadonlyMap<string, LabelOrRegion>, gt: string, ignoreLabel?: number) => {
    const options = ignoreLabel === undefined ? {} : { ignoreLabel };
    const counts = countOverlap(prediction, arrayOf(reference, gt).data, [...masks.values()], options);
    const [first] = objectAt(reference.facts, group).metric_per_case as unknown as [Facts];
    const found = objectAt(first, "metrics");
    expect([...masks.keys()].sort()).toEqual(Object.keys(found).sort());
    for (const [at, name] of [...masks.keys()].entries()) {
      expectNnunetMetrics(counts[at] as Counts, objectAt(found, name), close);
    }
  };

  test("per label", () => check("nnunet_labels", new Map(labels.map((label) => [`${label}`, label])), "gt"));

  test("per region", () => check("nnunet_regions", regionsOf(reference, "nnunet_regions"), "gt"));

  test("with an ignored label", () => {
    const ignored = numberAt(reference.facts, "ignore_label");
    check("nnunet_ignore", regionsOf(reference, "nnunet_ignore"), "gt_with_ignore", ignored);
  });

  test("plain formulas", () => {
    const counts = countOverlap(prediction, arrayOf(reference, "gt").data, labels);
    for (const [label, facts] of Object.entries(objectAt(reference.facts, "per_label_other_tools"))) {
      expectFormulas(counts[labels.indexOf(Number(label))] as Counts, objectAt(facts, "formula"), lastBit, close);
    }
  });
});

/** The masks a group names: "3" is a label, "(1, 2)" a region. */
function regionsOf(reference: ReferenceCase, group: string): Map<string, LabelOrRegion> {
  const [first] = objectAt(reference.facts, group).metric_per_case as unknown as [Facts];
  return new Map(Object.keys(objectAt(first, "metrics")).map((name) => [name, (name.match(/\d+/g) ?? []).map(Number)]));
}

describe.each(referenceCases("metrics_summary"))("means over cases and labels: $name", (reference) => {
  const labels = reference.facts.labels as readonly number[];
  const summary = objectAt(reference.facts, "summary");
  const close = judge(reference.name);
  const perCase = summary.metric_per_case as unknown as readonly Facts[];
  const counts = perCase.map((_, index) =>
    countOverlap(arrayOf(reference, `pred_${index}`).data, arrayOf(reference, `gt_${index}`).data, labels),
  );

  test("every case", () => {
    for (const [index, facts] of perCase.entries()) {
      for (const [at, label] of labels.entries()) {
        expectNnunetMetrics(counts[index]?.[at] as Counts, objectAt(facts, "metrics", `${label}`), close);
      }
    }
  });

  const scores: Record<string, (counts: Counts) => number> = {
    Dice: dice,
    IoU: jaccard,
    TP: ({ tp }) => tp,
    FP: ({ fp }) => fp,
    FN: ({ fn }) => fn,
    TN: ({ tn }) => tn,
  };
  test.each(Object.entries(scores))("%s", (name, score) => {
    const { perLabel, foreground } = summarise(
      {
        cases: perCase.map((_, index) => `${index}`),
        labels: labels.map(String),
        values: counts.map((row) => row.map(score)),
      },
      { resamples: 1 },
    );
    for (const { label, mean } of perLabel) {
      close(mean, numberAt(objectAt(summary, "mean", label), name), lastBit, `${name} of label ${label}`);
    }
    close(foreground.mean, numberAt(objectAt(summary, "foreground_mean"), name), 2 * lastBit, name);
  });
});
