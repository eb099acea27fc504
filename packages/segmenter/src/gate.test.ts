import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import {
  confidenceBySlice,
  countBySlice,
  decideGate,
  describeGateRule,
  explainSwitch,
  type GateEvidence,
  type GateRule,
} from "./gate.js";

const rescue = (scope: "case" | "slices", agreement: number, confidence: number): GateRule => ({
  kind: "rescue",
  stage: "stage2",
  scope,
  agreement,
  confidence,
});
const fallback = (scope: "case" | "slices", confidence: number): GateRule => ({
  kind: "fallback",
  stage: "stage2",
  scope,
  confidence,
});
/** Rows of step 0's voxels, the refined stage's, those of both, and confidence. */
const evidence = (...rows: readonly (readonly [number, number, number, number])[]): GateEvidence => ({
  step0: rows.map((row) => row[0]),
  refined: rows.map((row) => row[1]),
  both: rows.map((row) => row[2]),
  confidence: rows.map((row) => row[3]),
});
const none = [0, 0, 0, Number.NaN] as const;

describe("the gate of a case", () => {
  const apart = evidence(none, [10, 10, 1, 0.9], [10, 10, 1, 0.7]);

  test("a sure refined stage that disagrees with step 0 answers for it", () => {
    expect(decideGate(rescue("case", 0.2, 0.75), apart)).toEqual({ agreement: 0.1, confidence: expect.closeTo(0.8) });
    expect(decideGate(rescue("case", 0.1, 0.75), apart)).toBeUndefined();
    expect(decideGate(rescue("case", 0.2, 0.85), apart)).toBeUndefined();
  });

  test("an unsure refined stage leaves the answer to step 0", () => {
    expect(decideGate(fallback("case", 0.85), apart)).toMatchObject({ confidence: expect.closeTo(0.8) });
    expect(decideGate(fallback("case", 0.75), apart)).toBeUndefined();
  });

  test("a class the refined stage sees nowhere is one it is not sure of", () => {
    const lost = evidence([10, 0, 0, Number.NaN]);
    expect(decideGate(fallback("case", 0.1), lost)).toEqual({ agreement: 0, confidence: 0 });
    expect(decideGate(rescue("case", 1, 0.1), lost)).toBeUndefined();
  });

  test("where neither has the class there is nothing to decide", () => {
    for (const scope of ["case", "slices"] as const) {
      expect(decideGate(rescue(scope, 1, 0), evidence(none, none))).toBeUndefined();
      expect(decideGate(fallback(scope, 1), evidence(none, none))).toBeUndefined();
    }
  });

  test("slice by slice it finds those that step 0 lost", () => {
    const fine = [20, 20, 19, 0.9] as const;
    const lost = [0, 20, 0, 0.9] as const;
    const case_ = evidence(none, fine, lost, lost, fine, [0, 5, 0, 0.3], lost);
    expect(decideGate(rescue("slices", 0.5, 0.8), case_)).toEqual({
      runs: [
        [2, 3],
        [6, 6],
      ],
      agreement: 0,
      confidence: expect.closeTo(0.9),
    });
  });

  test.prop([fc.array(fc.tuple(fc.nat(9), fc.nat(9), fc.double({ min: 0, max: 1, noNaN: true })), { minLength: 1 })])(
    "thresholds that nothing passes change nothing",
    (rows) => {
      const any = evidence(...rows.map(([a, b, c]) => [a, b, Math.min(a, b), c] as const));
      for (const scope of ["case", "slices"] as const) {
        expect(decideGate(rescue(scope, 0, 0), any)).toBeUndefined();
        expect(decideGate(fallback(scope, 0), any)).toBeUndefined();
      }
    },
  );

  describe("where the slices on both sides contradict step 0's", () => {
    const close = [10, 10, 9, 0.9] as const;
    const unsure = [10, 10, 0, 0.6] as const;
    const contradicted = { ...evidence(close, close, none, unsure, close, close), bridged: [0, 1, 1, 1, 1, 0] };

    test.each(["case", "slices"] as const)(
      "a refined stage that is sure there answers, with a rule for the %s",
      (scope) => {
        const found = {
          runs: [
            [1, 1],
            [4, 4],
          ],
          contradicted: 2,
          agreement: 0.9,
          confidence: expect.closeTo(0.9),
        };
        expect(decideGate(rescue(scope, 0.05, 0.8), contradicted)).toEqual(found);
        expect(decideGate(rescue(scope, 0.05, 0.95), contradicted)).toBeUndefined();
      },
    );

    test("nothing is left to say when the whole case is rescued", () => {
      expect(decideGate(rescue("case", 0.9, 0.8), contradicted)).toEqual({
        agreement: expect.closeTo(0.72),
        confidence: expect.closeTo(0.84),
      });
    });

    test("a refined stage goes on answering where it answered", () => {
      expect(decideGate(fallback("slices", 0.5), contradicted)).toBeUndefined();
    });

    test("the sentence says so", () => {
      const say = (rule: GateRule, of: GateEvidence) =>
        explainSwitch("liver", rule, decideGate(rule, of)!, "step0", "stage2", 6).because;
      expect(say(rescue("case", 0.05, 0.8), contradicted)).toBe(
        "liver comes from stage 2 instead of step 0 on 2 of 6 slices: the slices on both sides contradict step 0's, and stage 2 is 0.90 sure, at least 0.80",
      );
      expect(say(rescue("slices", 0.05, 0.5), contradicted)).toBe(
        "liver comes from stage 2 instead of step 0 on 3 of 6 slices: the two agree by less than 0.05, or the slices on both sides contradict step 0's, and stage 2 is 0.80 sure, at least 0.50",
      );
    });
  });

  test("a rule is put in words", () => {
    expect(describeGateRule(rescue("slices", 0.5, 0.8))).toBe(
      "stage 2 where it is 0.80 sure and agrees with step 0 by less than 0.50, slice by slice",
    );
    expect(describeGateRule(fallback("case", 0.4))).toBe("step 0 where stage 2 is less than 0.40 sure");
  });

  test("says what it did in a sentence", () => {
    const rule = rescue("slices", 0.5, 0.8);
    const decision = { runs: [[2, 3]] as const, agreement: 0.02, confidence: 0.91 };
    expect(explainSwitch("liver", rule, decision, "step0", "stage2", 40).because).toBe(
      "liver comes from stage 2 instead of step 0 on 2 of 40 slices: the two agree by a Dice of 0.02 only, below 0.50, and stage 2 is 0.91 sure, at least 0.80",
    );
    expect(
      explainSwitch("liver", fallback("case", 0.4), { agreement: 0, confidence: 0.3 }, "mean", "step0", 9),
    ).toEqual({
      label: "liver",
      from: "mean",
      to: "step0",
      agreement: 0,
      confidence: 0.3,
      because: "liver comes from step 0 instead of the mean of all stages: stage 2 is 0.30 sure of it, below 0.40",
    });
  });
});

test("voxels are counted along any axis", () => {
  const [a, b] = [Uint8Array.of(1, 0, 2, 2, 1, 1, 0, 0), Uint8Array.of(1, 1, 2, 0, 0, 1, 0, 2)];
  const along = countBySlice(a, b, [2, 2, 2], 0, 3);
  expect([along.first[1], along.second[1], along.both[1]].map((n) => [...n!])).toEqual([
    [1, 2],
    [2, 1],
    [1, 1],
  ]);
  const across = countBySlice(a, b, [2, 2, 2], 2, 3);
  expect([...across.first[2]!, ...across.second[2]!, ...across.both[2]!]).toEqual([1, 1, 1, 1, 1, 0]);
});

test("confidence is the mean over the components seen, and none where nothing is", () => {
  const slice = (index: number, classes: number[], scores: number[]) => ({
    slice: index,
    classes,
    logits: new Float32Array(),
    ious: Float32Array.from(classes, (_, n) => 0.9 - 0.2 * n),
    objectScores: Float32Array.from(scores),
  });
  const slices = new Map([
    [0, slice(0, [1, 1], [50, 50])],
    [2, slice(2, [1, 2], [-1, 50])],
  ]);
  const [, first, second] = confidenceBySlice({ maskSize: 4, slices }, 3, 3);
  expect([...first!]).toEqual([expect.closeTo(0.8), Number.NaN, Number.NaN]);
  expect([...second!]).toEqual([Number.NaN, Number.NaN, expect.closeTo(0.7)]);
});
