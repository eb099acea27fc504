/** Which U-Net predicts which case. */
import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import type { Dataset } from "../dataset/nnunet.js";
import { divide } from "../folds.js";
import { tinyConfiguration } from "../testing/cases.js";
import { predictedBy } from "./step0-folds.js";

const ids = Array.from({ length: 13 }, (_, n) => `case_${n}`);
const dataset = { training: ids.map((id) => ({ id })) } as unknown as Dataset;

test.prop([fc.integer({ min: 2, max: 6 }), fc.constantFrom("outOfFold" as const, "inFold" as const), fc.nat(99)])(
  "every case is predicted once: by a U-Net that has not seen it, in fold by one that has, validation cases never by that",
  (folds, prompting, seed) => {
    const division = divide(ids, folds, 0.3, seed);
    const run = { division, dataset, configuration: tinyConfiguration({ prompting }) };
    const predicted = division.leftOut.map((_, fold) => predictedBy(run, fold));
    expect(predicted.flat().sort()).toEqual([...ids].sort());
    for (const [fold, own] of predicted.entries()) {
      const unseen = new Set(division.leftOut[fold]);
      for (const id of own) expect(unseen.has(id)).toBe(prompting === "outOfFold" || division.validation.includes(id));
    }
  },
);

test("a single U-Net predicts all there is", () => {
  const division = divide(ids, 1, 0.3, 1);
  expect(predictedBy({ division, dataset, configuration: tinyConfiguration() }, 0)).toEqual(ids);
});
