/** The final labels: class by class those of the stage that answers for it. */
import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect } from "vitest";
import type { OutputStage, StageSwitch } from "./answers.js";
import { labelStages } from "./labelling.js";
import { type ClassVolumes, type StageName, stageNames } from "./merge.js";
import type { RestorePlan } from "./preprocessing.js";
import { preparedCase, volumeOf } from "./testing/cases.js";

const classes = 4;
const shape: Triple = [4, 3, 5];
const voxels = 60;
const values = [0, 10, 20, 30];

/** The plan of a case that is prepared on `spacing`. */
const planOn = (spacing: Triple | null): RestorePlan =>
  preparedCase(
    volumeOf(shape, (z) => z),
    { spacing },
  ).restore;

/** Probabilities of one stage: the softmax of logits. */
function stageOf(logits: Float32Array, of: Triple = shape): ClassVolumes {
  const each = logits.length / classes;
  const total = Float64Array.from({ length: each }, (_, n) =>
    Array.from({ length: classes }, (_, k) => Math.exp(logits[k * each + n]!)).reduce((sum, value) => sum + value, 0),
  );
  return {
    classes,
    shape: of,
    volume: (label) => logits.slice(label * each, (label + 1) * each).map((value, n) => Math.exp(value) / total[n]!),
  };
}

const label = async (
  logits: Readonly<Partial<Record<StageName, Float32Array>>>,
  choice: readonly OutputStage[],
  { switches = new Map<number, StageSwitch>(), plan = planOn(null), of = shape } = {},
) => {
  const stages = Object.fromEntries(Object.entries(logits).map(([name, own]) => [name, stageOf(own, of)]));
  const each = of[0] * of[1] * of[2];
  const probabilities = new Map<number, Uint8Array>();
  const labelling = await labelStages({
    stages,
    step0Logits: (k) => logits.step0!.slice(k * each, (k + 1) * each),
    choice,
    switches,
    largestComponent: [],
    values,
    plan,
    stageLabels: true,
    probabilities: (k, percent) => void probabilities.set(k, percent.data),
    uncertainty: false,
  });
  return { ...labelling, probabilities };
};

const logitsOf = (seed: number) => {
  let state = seed | 1;
  return Float32Array.from({ length: classes * voxels }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    return ((state >>> 16) % 1000) / 200;
  });
};
const outputStage = fc.constantFrom<OutputStage>("step0", "stage1", "stage2", "mean");

describe("the final labels", () => {
  test.prop([fc.tuple(fc.integer(), fc.integer(), fc.integer()), fc.tuple(outputStage, outputStage, outputStage)])(
    "give a voxel the class whose own stage says so, the surer one of several, and nothing where nobody is asked",
    async (seeds, own) => {
      const logits = Object.fromEntries(stageNames.map((name, n) => [name, logitsOf(seeds[n]!)]));
      const choice: OutputStage[] = ["mean", ...own];
      const { labels } = await label(logits, choice);
      const volumes = Object.fromEntries(
        stageNames.map((name) => [name, [0, 1, 2, 3].map((k) => stageOf(logits[name]!).volume(k))]),
      );
      const probabilities = (name: OutputStage, k: number, n: number) => {
        const of = (stage: StageName) => volumes[stage]![k]![n]!;
        return name === "mean" ? stageNames.reduce((sum, stage) => sum + of(stage), 0) / 3 : of(name);
      };
      const inUse = [...new Set(own)];
      for (let n = 0; n < voxels; n++) {
        const ranked = inUse.map((name) => {
          const p = Array.from({ length: classes }, (_, k) => probabilities(name, k, n));
          const [best, second] = [...p].sort((a, b) => b - a);
          return { name, winner: p.indexOf(best!), margin: Math.log(best! / second!) };
        });
        const claims = ranked.filter(({ name, winner }) => winner > 0 && choice[winner] === name);
        const open = ranked.every(({ winner }) => winner > 0) ? ranked : [];
        const able = claims.length > 0 ? claims : open;
        const sure = Math.max(...able.map(({ margin }) => margin));
        // float32 margins: those that are nearly alike may go either way
        const right = able.filter(({ margin }) => margin > sure - 1e-4).map(({ winner }) => values[winner]!);
        expect(right.length === 0 ? [0] : right).toContain(labels.data[n]);
      }
    },
  );

  test.prop([fc.integer(), fc.constantFrom(...stageNames)])("of one stage are that stage's own", async (seed, name) => {
    const logits = Object.fromEntries(stageNames.map((each, n) => [each, logitsOf(seed + n)]));
    const { labels, stages } = await label(logits, new Array<OutputStage>(classes).fill(name));
    expect(labels.data).toEqual(stages[name]!.data);
  });

  /** Step 0 sees nothing, stage 2 class 1 everywhere. */
  const flat = (k: number, of = voxels) =>
    Float32Array.from({ length: classes * of }, (_, n) => (Math.floor(n / of) === k ? 5 : 0));

  test.each([
    { spacing: null, expected: [0, 10, 10, 0] },
    { spacing: [0.5, 1, 1] as Triple, expected: [0, 10, 0, 0] },
    { spacing: [2, 1, 1] as Triple, expected: [0, 0, 10, 10] },
  ])("come from elsewhere on the slices that the gate names, on the grid $spacing", async ({ spacing, expected }) => {
    const plan = planOn(spacing);
    const of = plan.change.newShape;
    const count = of[0] * of[1] * of[2];
    const runs = { 4: [[1, 2]], 8: [[2, 3]], 2: [[1, 1]] }[of[0]] as [number, number][];
    const switches = new Map<number, StageSwitch>([[1, { to: "stage2", slices: { axis: 0, runs } }]]);
    const { labels, probabilities } = await label(
      { step0: flat(0, count), stage2: flat(1, count) },
      ["step0", "step0", "step0", "step0"],
      { switches, plan, of },
    );
    const perSlice = [0, 1, 2, 3].map((z) => [...new Set(labels.data.slice(z * 15, (z + 1) * 15))]);
    expect(perSlice).toEqual(expected.map((value) => [value]));
    const there = probabilities.get(1)!;
    if (spacing === null) expect([0, 15, 30, 45].map((n) => there[n])).toEqual([1, 98, 98, 1]);
  });

  test("come from elsewhere in the whole case", async () => {
    const { labels, probabilities } = await label(
      { step0: flat(0), stage2: flat(1) },
      ["step0", "step0", "step0", "step0"],
      { switches: new Map([[1, { to: "stage2" }]]) },
    );
    expect(new Set(labels.data)).toEqual(new Set([10]));
    expect(probabilities.get(1)![0]).toBe(98);
    expect(probabilities.get(2)![0]).toBe(1);
  });

  test("cannot come from a stage that was not run; the mean of one stage is that stage", async () => {
    const none = label({ step0: flat(0) }, ["mean", "step0", "stage2", "step0"]);
    await expect(none).rejects.toThrow(ConfigError);
    await expect(none).rejects.toThrow(/class 2 comes from stage2, which was not run/);
    const { labels } = await label({ step0: flat(2) }, ["mean", "mean", "step0", "mean"]);
    expect(new Set(labels.data)).toEqual(new Set([20]));
  });
});
