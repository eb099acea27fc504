import { describe, expect, test } from "vitest";
import { chooseOutputs, validationDice } from "./choose.js";
import { learnGate } from "./gate-learning.js";
import { type Counted, measuredOf } from "./testing.js";

const everything = { stages: true, gate: true, largestComponent: true };

/** A case of ten slices of 100 voxels; step 0 and the refined stage get so many of them right on each, and nothing else wrong. */
const slices = (step0: number[], refined: number[], confidence = 0.9): Counted => ({ step0, refined, confidence });
const same = (value: number) => new Array<number>(10).fill(value);
const good = slices(same(95), same(94));
/** Step 0 lost four slices. */
const lost = slices([95, 95, 95, 0, 0, 0, 0, 95, 95, 95], same(94));
/** Step 0 lost nearly all of it. */
const gone = slices([0, 0, 0, 0, 0, 0, 0, 0, 0, 20], same(94));
/** A refined stage that follows nothing. */
const astray = slices(same(95), same(10), 0.3);

const clean = (...cases: Counted[]) => cases.map((one, n) => measuredOf(`c${n}`, false, [one]));
const degraded = (...cases: Counted[]) => cases.map((one, n) => measuredOf(`c${n}`, true, [one]));

describe("learning the gate of a label from step 0", () => {
  test("slices that step 0 loses when it is degraded are given back", () => {
    const learned = learnGate([...clean(good, good, good), ...degraded(lost, good, lost)], 1, "step0")!;
    expect(learned.rule).toMatchObject({ kind: "rescue", scope: "slices" });
    expect(learned.degraded.switched).toBe(2);
    expect(learned.degraded.after).toBeGreaterThan(learned.degraded.before + 0.1);
    expect(learned.clean.after).toBe(learned.clean.before);
  });

  test("slices on which step 0 contradicts itself are given back whatever the rule looks at", () => {
    const swapped = { ...lost, contradicted: [3, 4, 5, 6] };
    const learned = learnGate([...clean(good, good, good), ...degraded(swapped, good, swapped)], 1, "step0")!;
    expect(learned.rule).toMatchObject({ kind: "rescue", scope: "case" });
    expect(learned.degraded).toMatchObject({ switched: 2 });
    expect(learned.degraded.after).toBeGreaterThan(learned.degraded.before + 0.1);
  });

  test("a clean case on which step 0 contradicts itself is no reason against a rule for whole cases", () => {
    const once = { ...slices([95, 95, 95, 0, ...same(95).slice(4)], same(94)), contradicted: [3] };
    const learned = learnGate([...clean(good, good, once), ...degraded(gone, gone, good)], 1, "step0")!;
    expect(learned.rule).toMatchObject({ kind: "rescue", scope: "case" });
    expect(learned.clean.after).toBeGreaterThan(learned.clean.before);
  });

  test("a class lost as a whole needs no rule slice by slice", () => {
    const learned = learnGate([...clean(good, good, good), ...degraded(gone, gone, good)], 1, "step0")!;
    expect(learned.rule).toMatchObject({ kind: "rescue", scope: "case" });
  });

  test("nothing is gained, so there is no rule", () => {
    expect(learnGate([...clean(good, good, good), ...degraded(good, good)], 1, "step0")).toBeUndefined();
    expect(learnGate([...clean(astray, astray, astray), ...degraded(astray)], 1, "step0")).toBeUndefined();
  });

  test("a rule that would cost the clean cases anything is not taken", () => {
    const part = [95, 95, 95, 95, 95, 95, 20, 20, 20, 20];
    const wrong = slices(part, same(95));
    expect(learnGate([...clean(good, good, good), ...degraded(wrong, wrong)], 1, "step0")).toBeDefined();
    // A clean case in which step 0 is right looks just like that.
    const right = slices(same(95), part);
    expect(learnGate([...clean(good, good, right), ...degraded(wrong, wrong)], 1, "step0")).toBeUndefined();
    // One slice of one of ten clean cases, a thousandth of Dice or two: it agrees less than the damaged ones do, or little more.
    const weak = slices(same(60), same(95));
    const nine = Array.from({ length: 9 }, () => good);
    expect(learnGate([...clean(...nine, good), ...degraded(weak, weak)], 1, "step0")).toBeDefined();
    for (const refined of [50, 70]) {
      const slip = slices(same(95), [refined, ...same(95).slice(1)]);
      const rule = learnGate([...clean(...nine, slip), ...degraded(weak, weak)], 1, "step0")?.rule;
      expect(rule?.scope).not.toBe("slices");
    }
  });

  test("clean cases on which step 0 is bad do not pay for what a rule costs the others", () => {
    const weak = slices(same(60), same(95));
    const slip = slices(same(95), [70, ...same(95).slice(1)]);
    const learned = (...cases: Counted[]) => learnGate([...clean(...cases), ...degraded(weak, weak)], 1, "step0");
    expect(learned(slip, slip, weak)).toBeUndefined();
    // Nor do many.
    const nine = Array.from({ length: 9 }, () => weak);
    expect(learned(...nine, good)?.clean.largestLoss).toBeLessThan(0.005);
    expect(learned(...nine, slip)).toBeUndefined();
  });

  test("what a rule makes of clean cases has to be as certain as a stage: one case that gains much is not", () => {
    const ruleOf = (...cases: Counted[]) => learnGate([...clean(...cases), ...degraded(lost, lost)], 1, "step0")?.rule;
    expect(ruleOf(good, good, good)).toMatchObject({ scope: "slices" });
    expect(ruleOf(good, good, lost)).toBeUndefined();
    expect(ruleOf(lost, lost, lost)).toMatchObject({ scope: "slices" });
    // Bridges are no rule's doing.
    expect(ruleOf(good, good, { ...lost, contradicted: [3, 4, 5, 6] })).toBeDefined();
  });

  test("of rules that do nearly as well the most reluctant is taken", () => {
    const learned = learnGate([...clean(good, good, good), ...degraded(gone, gone)], 1, "step0")!;
    expect(learned.rule).toEqual({ kind: "rescue", stage: "stage2", scope: "case", agreement: 0.05, confidence: 0.85 });
  });

  test("a rule keeps its distance from what clean cases show", () => {
    // Step 0 and the refined stage agree by 0.19 here, and step 0 is right; below 0.05 where step 0 is gone.
    const near = slices(same(95), same(10));
    expect(learnGate([...clean(good, good, near), ...degraded(gone, gone)], 1, "step0")?.rule.scope).not.toBe("case");
  });

  test("two clean cases are too few", () => {
    expect(learnGate([...clean(good, good), ...degraded(lost, lost, lost)], 1, "step0")).toBeUndefined();
  });
});

test("a label from a refined stage falls back to step 0 where that stage is not sure", () => {
  const fine = slices(same(94), same(95));
  const learned = learnGate([...clean(fine, fine, fine), ...degraded(astray, fine)], 1, "stage2")!;
  expect(learned.rule).toEqual({ kind: "fallback", stage: "stage2", scope: "case", confidence: 0.4 });
  expect(learned.degraded).toMatchObject({ switched: 1, cases: 2 });
  expect(learnGate([...clean(fine, fine, fine), ...degraded(astray)], 1, "mean")!.rule.stage).toBe("stage2");
});

describe("everything at once", () => {
  const better = slices(same(80), same(94));
  const spots = { ...good, componentGain: 0.02 };
  const measured = [0, 1, 2].flatMap((n) => [
    measuredOf(`c${n}`, false, [better, spots, good]),
    measuredOf(`c${n}`, true, [better, spots, lost]),
  ]);

  test("goes by class name into the manifest, with the numbers behind it", () => {
    const { outputStages, gate, largestComponent, choices } = chooseOutputs(
      measured,
      ["background", "liver", "spleen", "kidney"],
      everything,
    );
    expect(outputStages).toEqual({ liver: "stage1", spleen: "step0", kidney: "step0" });
    expect(Object.keys(gate)).toEqual(["kidney"]);
    expect(largestComponent).toEqual(["spleen"]);
    expect(choices[1]!.largestComponent).toEqual({
      before: expect.closeTo(190 / 195),
      after: expect.closeTo(190 / 195 + 0.02),
      kept: true,
    });
    expect(choices[0]!.gains!.stage1.gain).toBeGreaterThan(0.05);
    expect(choices[2]!.gate!.rule.kind).toBe("rescue");
    expect(validationDice(measured).length).toBe(9);
    expect(choices.map(({ reason }) => reason)).toEqual([
      expect.stringMatching(/^stage 1 gains 0\.0\d+ ± 0\.0000 over step 0 \(mean and its standard error, 3 cases\)$/),
      expect.stringMatching(/^stage 1 gains -0\.0\d+ .*: not clearly more than nothing$/),
      expect.stringMatching(/not clearly more than nothing$/),
    ]);
  });

  test("only what is wanted is chosen", () => {
    const none = { stages: false, gate: false, largestComponent: false };
    const { outputStages, gate, largestComponent } = chooseOutputs(measured, ["background", "a", "b", "c"], none);
    expect([outputStages, gate, largestComponent]).toEqual([{ a: "stage2", b: "stage2", c: "stage2" }, {}, []]);
  });

  test("where there is no refiner, step 0 answers, and its false components may still go", () => {
    const { outputStages, gate, largestComponent, choices } = chooseOutputs(measured, ["background", "a", "b", "c"], {
      ...everything,
      refined: false,
    });
    expect([outputStages, gate, largestComponent]).toEqual([{ a: "step0", b: "step0", c: "step0" }, {}, ["b"]]);
    expect(choices[0]).toMatchObject({ reason: "there is no refiner" });
    expect(choices[0]).not.toHaveProperty("gains");
    expect(validationDice(measured, false)[0]!.dice).toEqual({ step0: expect.any(Number) });
  });

  test("without validation cases step 0 answers for everything", () => {
    const { outputStages, gate, largestComponent, choices } = chooseOutputs([], ["background", "a"], everything);
    expect([outputStages, gate, largestComponent]).toEqual([{ a: "step0" }, {}, []]);
    expect(choices[0]!.reason).toBe("measured on 0 cases; to choose another stage 3 are needed");
  });
});
