import type { Triple } from "@rfmedsam/imaging";
import { TorchRefiner } from "@rfmedsam/models";
import { extractSlice, type SliceAxis, sliceAxes } from "@rfmedsam/segmenter";
import { liveTensors } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { makeRefiner } from "../refiner/make.js";
import type { RefinerModel } from "../refiner/model.js";
import { ball, logitsOf, storedCase, tinyConfiguration } from "../testing/cases.js";
import { degradedStep0 } from "./degraded-step0.js";
import { type MeasureCaseOptions, measureCase, outputStages } from "./measure.js";
import { refinerSettings } from "./settings.js";

const shape: Triple = [6, 20, 20];
const truth = ball(shape, 1, 0.3);
const classes = 3;
const stored = storedCase({ shape, classes, truth });
const configuration = { ...tinyConfiguration().refiner, imageSize: 32 };

let model: RefinerModel;
beforeAll(async () => {
  model = await makeRefiner(configuration, classes, 1);
  model.eval();
});
afterAll(() => model.free());

function measure(label: (z: number, y: number, x: number) => number, changes: Partial<MeasureCaseOptions> = {}) {
  const calibration = { stage1: model.stage1.export(), stage2: model.stage2.export() };
  const settings = refinerSettings(configuration, calibration);
  const network = new TorchRefiner(model.sam2);
  return measureCase(stored, logitsOf(shape, classes, label), { network, settings, classes, ...changes });
}

describe("measuring a case", () => {
  test("gives every class the Dice of all stages, slice by slice countable", async () => {
    await measure(truth);
    const before = liveTensors();
    const measured = await measure(truth);
    expect(liveTensors()).toBe(before);
    expect(measured).toMatchObject({ case: "case", degraded: false });
    const [first, second] = measured.classes;
    expect([first!.class, second!.class]).toEqual([1, 2]);
    expect(first!.dice.step0).toBe(1);
    for (const stage of outputStages) {
      const { predicted, correct, truth: real } = first!.slices;
      const sum = (counts: Uint32Array) => counts.reduce((total, count) => total + count, 0);
      expect(first!.dice[stage]).toBe((2 * sum(correct[stage])) / (sum(predicted[stage]) + sum(real)));
      expect(real.length).toBe(shape[0]);
      expect(second!.dice[stage]).toBeNaN(); // nobody has class 2
    }
    expect(first!.largestComponent!.step0).toBe(1);
    for (const stage of ["stage1", "stage2"] as const) {
      const { agreed, predicted, confidence } = first!.slices;
      agreed[stage].forEach((both, slice) => {
        expect(both).toBeLessThanOrEqual(Math.min(predicted.step0[slice]!, predicted[stage][slice]!));
      });
      expect(confidence[stage].every((sure) => Number.isNaN(sure) || (sure >= 0 && sure <= 1))).toBe(true);
    }
  });

  test("a class that is wrongly predicted counts as 0", async () => {
    const { classes: measured } = await measure((z, y, x) => (truth(z, y, x) === 1 ? 2 : 0));
    expect(measured.map((own) => own.dice.step0)).toEqual([0, 0]);
  });

  test("a step 0 that finds nothing leaves nothing to refine", async () => {
    const { classes: measured } = await measure(() => 0);
    expect(measured[0]!.dice).toMatchObject({ step0: 0, stage1: 0, stage2: 0 });
  });

  test("slices on which step 0 contradicts itself are counted as such", async () => {
    const { classes: measured } = await measure((z, y, x) => (z === 3 && truth(z, y, x) === 1 ? 2 : truth(z, y, x)));
    expect(measured.map(({ slices }) => [...slices.bridged])).toEqual([
      [0, 0, 0, 1, 0, 0],
      [0, 0, 0, 0, 0, 0],
    ]);
  });

  test("the largest component is what is left of a step 0 with a second ball", async () => {
    const second = ball(shape, 1, 0.1, [0.1, 0.1, 0.1]);
    const { classes: measured } = await measure((z, y, x) => truth(z, y, x) || second(z, y, x));
    expect(measured[0]!.dice.step0).toBeLessThan(1);
    expect(measured[0]!.largestComponent!.step0).toBe(1);
  });

  test("a degraded step 0 is measured as such, the logits given stay as they are", async () => {
    const logits = logitsOf(shape, classes, truth);
    const before = logits.slice();
    const calibration = { stage1: model.stage1.export(), stage2: model.stage2.export() };
    const measured = await measureCase(stored, logits, {
      network: new TorchRefiner(model.sam2),
      settings: refinerSettings(configuration, calibration),
      classes,
      degrade: (own) => own.fill(0, own.length / 3, (2 * own.length) / 3),
    });
    expect(measured.degraded).toBe(true);
    expect(measured.classes[0]!.dice.step0).toBe(0);
    expect(measured.classes[0]!.largestComponent).toBeUndefined();
    expect(logits).toEqual(before);
  });
});

describe("degrading step 0", () => {
  const winners = (logits: Float32Array) =>
    Array.from({ length: logits.length / classes }, (_, n) => {
      const values = [0, 1, 2].map((k) => logits[(k * logits.length) / classes + n]!);
      return values.indexOf(Math.max(...values));
    });

  test("changes labels somewhere, the same way for the same numbers", () => {
    const logits = () => logitsOf(shape, classes, truth);
    const degrade = (...names: number[]) =>
      winners(degradedStep0(classes, { axis: "axial" }, ...names)(logits(), stored));
    const some = Array.from({ length: 8 }, (_, seed) => degrade(seed));
    expect(degrade(3)).toEqual(some[3]);
    expect(new Set(some.map(String)).size).toBeGreaterThan(4);
    for (const labels of some) expect(labels.every((label) => label < classes)).toBe(true);
  });

  test("loses whole slices of the refiner's axis, whichever that is", () => {
    const side = 40;
    const grid = { ...stored, shape: [side, side, side] as Triple };
    const gone = (axis: SliceAxis, seed: number) => {
      const labels = Uint8Array.from(
        winners(
          degradedStep0(
            classes,
            { axis },
            seed,
          )(
            logitsOf(grid.shape, classes, () => 1),
            grid,
          ),
        ),
      );
      return Array.from({ length: side }, (_, index) =>
        extractSlice(labels, grid.shape, sliceAxes[axis], index, new Uint8Array(side * side)).every(
          (label) => label === 0,
        ),
      ).filter(Boolean).length;
    };
    const seeds = Array.from({ length: 30 }, (_, seed) => seed);
    const losing = seeds.filter((seed) => gone("axial", seed) > 0 && gone("axial", seed) < side);
    expect(losing.length).toBeGreaterThan(0);
    for (const axis of ["coronal", "sagittal"] as const) {
      expect(losing.map((seed) => gone(axis, seed))).toEqual(losing.map((seed) => gone("axial", seed)));
    }
  });
});
