import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { noGrad, scope, tensor } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { diceCrossEntropy } from "../losses/dice-ce.js";
import { ball, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { makeBatch } from "./batch.js";
import { proposalLoss, stageLoss } from "./losses.js";
import { makeRefiner } from "./make.js";
import type { RefinerModel } from "./model.js";
import { RefinerCase, type SequenceSample } from "./sequences.js";
import { runStages } from "./stages.js";
import { noJitter, only } from "./testing/sources.js";

const shape: Triple = [8, 20, 24];
const classes = 3;
const truth = painted(ball(shape, 1, 0.35, [0.5, 0.4, 0.3]), ball(shape, 2, 0.35, [0.5, 0.6, 0.75]));
const configuration = {
  ...tinyConfiguration().refiner,
  sequence: 2,
  promptSources: only("box"),
  boxJitter: noJitter,
};
const refinerCase = new RefinerCase(storedCase({ shape, classes, truth }), undefined, classes, configuration);

let model: RefinerModel;
beforeAll(async () => {
  model = (await makeRefiner(configuration, classes, 3)).eval();
});
afterAll(() => model.free());

const losses = (sequences: readonly SequenceSample[], weights = configuration.losses) =>
  noGrad(() =>
    scope(() => {
      const batch = makeBatch(sequences, configuration.imageSize, "cpu");
      const { prompts, memory } = configuration;
      const { stage1, stage2 } = runStages(model, batch, { prompts, memory, device: "cpu" });
      return [
        stageLoss(stage1, batch, model.stage1, classes, weights).item(),
        stageLoss(stage2, batch, model.stage2, classes, weights).item(),
      ];
    }),
  );

describe("a batch of two sequences", () => {
  test("has the mean of the losses of each, where a loss is a mean over objects", () => {
    // As many objects in each, all of them there: every object weighs the same.
    const drawn = Array.from({ length: 20 }, (_, n) => refinerCase.draw(new Random(6, n)));
    const objects = ({ slices }: SequenceSample) => slices.reduce((sum, { asked }) => sum + asked.classes.length, 0);
    const [a, b] = drawn.filter(
      (sample, n) =>
        n === 0 || (objects(sample) === objects(drawn[0]!) && sample.slices[0]!.slice !== drawn[0]!.slices[0]!.slice),
    );
    expect(objects(a!)).toBe(objects(b!));
    const weights = { ...configuration.losses, merged: 0 };
    const [both, first, second] = [losses([a!, b!], weights), losses([a!], weights), losses([b!], weights)];
    for (const stage of [0, 1]) expect(both[stage]).toBeCloseTo((first[stage]! + second[stage]!) / 2, 4);
    expect(first[0]).not.toBeCloseTo(second[0]!, 4);
  });
});

test("the merged loss adds Dice + cross-entropy of all classes, by its weight", () => {
  const [sample] = [refinerCase.draw(new Random(1))];
  const at = (merged: number) => losses([sample], { ...configuration.losses, merged });
  const [none, once, twice] = [at(0), at(1), at(2)];
  for (const stage of [0, 1]) {
    expect(once[stage]).not.toBeCloseTo(none[stage]!, 3);
    expect(twice[stage]! - once[stage]!).toBeCloseTo(once[stage]! - none[stage]!, 4);
  }
});

test("a proposal is judged at the labels' size", () => {
  const labels = tensor(
    Uint8Array.from({ length: 64 }, (_, i) => (i % 8 < 4 ? 0 : 2)),
    [1, 8, 8],
    { dtype: "int64" },
  );
  const sure = (side: number, right: boolean) =>
    tensor(
      Array.from({ length: 3 * side * side }, (_, i) => {
        const label = Math.floor(i / (side * side));
        const wanted = i % side < side / 2 ? 0 : 2;
        return label === (right ? wanted : 1) ? 30 : -30;
      }),
      [1, 3, side, side],
    );
  expect(proposalLoss(sure(8, true), labels).item()).toBeCloseTo(diceCrossEntropy(sure(8, true), labels).item(), 6);
  expect(proposalLoss(sure(8, true), labels).item()).toBeCloseTo(-1, 4);
  expect(proposalLoss(sure(2, true), labels).item()).toBeLessThan(proposalLoss(sure(2, false), labels).item() - 1);
});
