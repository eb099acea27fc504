import type { Triple } from "@rfmedsam/imaging";
import { TorchRefiner } from "@rfmedsam/models";
import type { OutputStage } from "@rfmedsam/segmenter";
import { liveTensors, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { ball, logitsOf, storedCase, tinyConfiguration } from "../testing/cases.js";
import { candidates, chooseStages, measureCase, type StageDice } from "./choose.js";
import { RefinerCase } from "./sequences.js";
import { makeRefiner } from "./train.js";

const row = (id: number, label: number, ...[step0, stage1, stage2, mean]: number[]): StageDice => ({
  case: `case_${id}`,
  class: label,
  dice: { step0, stage1, stage2, mean } as Record<OutputStage, number>,
});

describe("choosing the stage of every label", () => {
  test("without measurements it is step 0", () => {
    expect(chooseStages([], 3)).toEqual(["step0", "step0", "step0"]);
  });

  test("it is the one with the largest mean gain, class by class", () => {
    const measured = [
      row(1, 1, 0.8, 0.85, 0.9, 0.86),
      row(2, 1, 0.7, 0.75, 0.79, 0.74),
      row(3, 1, 0.75, 0.8, 0.85, 0.8),
      ...[1, 2, 3].map((id) => row(id, 2, 0.9, 0.5, 0.4, 0.7)),
      ...[1, 2, 3].map((id) => row(id, 3, 0.6, 0.7, 0.69, 0.71)),
    ];
    expect(chooseStages(measured, 4)).toEqual(["step0", "stage2", "step0", "mean"]);
  });

  test("a gain within twice its standard error, or below a thousandth, is none", () => {
    const uncertain = [row(1, 1, 0.8, 0.95, 0.8, 0.8), row(2, 1, 0.8, 0.79, 0.8, 0.8), row(3, 1, 0.8, 0.82, 0.8, 0.8)];
    expect(chooseStages(uncertain, 2)).toEqual(["step0", "step0"]);
    const tiny = [1, 2, 3].map((id) => row(id, 1, 0.8, 0.8005, 0.8, 0.8));
    expect(chooseStages(tiny, 2)).toEqual(["step0", "step0"]);
    const small = [1, 2, 3].map((id) => row(id, 1, 0.8, 0.802, 0.8, 0.8));
    expect(chooseStages(small, 2)).toEqual(["step0", "stage1"]);
  });

  test("cases in which nobody has the class say nothing", () => {
    const none = row(3, 1, Number.NaN, Number.NaN, Number.NaN, Number.NaN);
    expect(chooseStages([none], 2)).toEqual(["step0", "step0"]);
    const better = (id: number) => row(id, 1, 0.5, 0.7, 0.6, 0.6);
    expect(chooseStages([better(1), better(2), better(4), none], 2)[1]).toBe("stage1");
    // Two cases are too few to leave step 0.
    expect(chooseStages([better(1), better(2), none], 2)[1]).toBe("step0");
  });
});

describe("measuring a case", () => {
  const shape: Triple = [6, 20, 20];
  const truth = ball(shape, 1, 0.3);
  const classes = 3;
  const stored = storedCase({ shape, classes, truth });
  const configuration = { ...tinyConfiguration().refiner, imageSize: 32 };

  async function measure(label: (z: number, y: number, x: number) => number): Promise<StageDice[]> {
    const logits = logitsOf(shape, classes, label);
    const model = await makeRefiner(configuration, classes, 1);
    model.eval();
    const half = tensor(logits, [classes, ...shape]);
    const refinerCase = new RefinerCase(stored, half, classes, configuration);
    const calibration = { stage1: model.stage1.export(), stage2: model.stage2.export() };
    const before = liveTensors();
    const measured = await measureCase(refinerCase, logits, {
      network: new TorchRefiner(model.sam2),
      calibration,
      configuration,
      progress: () => {},
    });
    // Position tables of the first call may stay.
    expect(liveTensors() - before).toBeLessThan(20);
    model.free();
    half.free();
    return measured;
  }

  test("gives a row a class with every candidate's Dice", async () => {
    const measured = await measure(truth);
    expect(measured.map((own) => own.class)).toEqual([1, 2]);
    expect(Object.keys(measured[0]!.dice)).toEqual([...candidates]);
    expect(measured[0]!.dice.step0).toBe(1);
    for (const stage of candidates) {
      expect(measured[0]!.dice[stage]).toBeGreaterThanOrEqual(0);
      expect(measured[1]!.dice[stage]).toBeNaN(); // nobody has class 2
    }
  });

  test("a class that is wrongly predicted counts as 0", async () => {
    const measured = await measure((z, y, x) => (truth(z, y, x) === 1 ? 2 : 0));
    expect(measured.map((own) => own.dice.step0)).toEqual([0, 0]);
  });

  test("a step 0 that finds nothing leaves nothing to refine", async () => {
    const measured = await measure(() => 0);
    expect(measured[0]!.dice).toMatchObject({ step0: 0, stage1: 0, stage2: 0 });
  });
});
