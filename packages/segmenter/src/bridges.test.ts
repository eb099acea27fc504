import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { BridgeFinder } from "./bridges.js";
import { bridgedSlices, planPrompts } from "./prompts.js";

/** A slice a row; each letter is four pixels of the place: class 1 or 2, or nothing. Two places. */
function slicesOf(...rows: readonly string[]): Uint8Array[] {
  return rows.map((row) => Uint8Array.from([...row].flatMap((letter) => Array(4).fill(Number(letter)))));
}

function sources(slices: readonly Uint8Array[], longest: number, label = 1, least = 1): (number | undefined)[] {
  const bridges = new BridgeFinder(3, longest);
  for (const slice of slices) bridges.add(slice, areasOf(slice));
  const found = bridges.sourcesOf(label, (slice) => areasOf(slices[slice]!)[label]! >= least);
  return slices.map((_, slice) => found[slice]);
}

const areasOf = (slice: Uint8Array) => [0, 1, 2].map((label) => slice.filter((own) => own === label).length);
const none = undefined;

describe("a bridge", () => {
  test.each([
    ["spans a slice where two classes changed places", ["12", "12", "21", "12"], 1, [none, none, 1, none]],
    ["spans a slice that lost the class", ["10", "00", "10"], 1, [none, 0, none]],
    [
      "takes the nearer end, of two the lower",
      ["12", "12", "21", "21", "21", "12", "12"],
      3,
      [none, none, 1, 1, 5, none, none],
    ],
    ["is no longer than asked for", ["12", "12", "21", "21", "12"], 1, [none, none, none, none, none]],
    ["is as long as asked for", ["12", "12", "21", "21", "12"], 2, [none, none, 1, 4, none]],
    ["needs both ends", ["12", "12", "21", "21"], 3, [none, none, none, none]],
    ["needs ends that agree", ["10", "00", "01"], 3, [none, none, none]],
    ["is not built where part of the class stays", ["11", "10", "11"], 3, [none, none, none]],
    ["may follow another", ["12", "21", "12", "21", "12"], 3, [none, 0, none, 2, none]],
    ["is built from the longer chain", ["21", "12", "21", "12", "12"], 3, [none, none, 1, none, none]],
    ["is not built between chains as long", ["12", "21", "12", "21"], 3, [none, none, none, none]],
    ["is not built when none are wanted", ["12", "21", "12"], 0, [none, none, none]],
  ])("%s", (_, rows, longest, expected) => {
    expect(sources(slicesOf(...rows), longest)).toEqual(expected);
  });

  test("stands on ends that are large enough to be asked for", () => {
    const rows = slicesOf("10", "00", "10");
    expect(sources(rows, 1, 1, 4)).toEqual([none, 0, none]);
    expect(sources(rows, 1, 1, 5)).toEqual([none, none, none]);
  });

  test("keeps nothing of an array that is reused", () => {
    const reused = new Uint8Array(8);
    const bridges = new BridgeFinder(3, 1);
    for (const slice of slicesOf("12", "21", "12")) {
      reused.set(slice);
      bridges.add(reused, areasOf(slice));
    }
    expect([1, 2].map((label) => bridges.sourcesOf(label, () => true)[1])).toEqual([0, 0]);
  });

  test.prop([fc.array(fc.array(fc.nat(2), { minLength: 8, maxLength: 8 }), { minLength: 1, maxLength: 9 }), fc.nat(4)])(
    "stands on slices on both sides, one of which is asked with, and the slice between has the class elsewhere",
    (rows, longest) => {
      const slices = rows.map((row) => Uint8Array.from(row));
      for (const label of [1, 2]) {
        sources(slices, longest, label).forEach((source, slice) => {
          if (source === undefined) return;
          expect(slices[source]).toContain(label);
          const others = slices.map((_, at) => at).filter((at) => dice(slices[at]!, slices[slice]!, label) <= 0.1);
          const ends = others.flatMap((lower) => others.map((upper) => [lower, upper] as const));
          const spans = ([lower, upper]: readonly [number, number]) =>
            lower < slice && slice < upper && upper - lower - 1 <= longest && [lower, upper].includes(source);
          expect(ends.some(spans)).toBe(true);
        });
      }
    },
  );

  test.prop([fc.array(fc.boolean(), { minLength: 8, maxLength: 24 })])(
    "puts right the slices of a few that are swapped, no more in a row than it is long, but for those at the ends",
    (swapped) => {
      const [longest, swappedCount] = [3, swapped.filter((own) => own).length];
      const runs = swapped.map((own) => (own ? "x" : " ")).join("");
      fc.pre(swappedCount * 3 < swapped.length && !runs.includes("x".repeat(longest + 1)));
      const slices = slicesOf(...swapped.map((own) => (own ? "21" : "12")));
      sources(slices, longest).forEach((source, slice) => {
        const right = (at: number) => at >= 0 && at < swapped.length && !swapped[at];
        const spanned = [1, 2, 3].some((down) =>
          [1, 2, 3].some((up) => down + up <= 4 && right(slice - down) && right(slice + up)),
        );
        if (!swapped[slice]) expect(source).toBeUndefined();
        else if (spanned) expect(swapped[source!]).toBe(false);
      });
    },
  );
});

function dice(first: Uint8Array, second: Uint8Array, label: number): number {
  const area = (slice: Uint8Array) => slice.filter((own) => own === label).length;
  const both = first.filter((own, at) => own === label && second[at] === label).length;
  return both === 0 ? 0 : (2 * both) / (area(first) + area(second));
}

describe("the plan", () => {
  const size = { count: 3, height: 1, width: 8 };
  const planned = (rows: readonly string[], bridgeSlices?: number) => {
    const slices = slicesOf(...rows);
    const options = { minimumArea: 1, marginSlices: 0, ...(bridgeSlices !== undefined && { bridgeSlices }) };
    return planPrompts((slice) => slices[slice]!, size, 3, options);
  };

  test("asks with the neighbours' masks where a slice contradicts them", () => {
    const [liver, spleen] = [
      { class: 1, source: 0, bridged: true },
      { class: 2, source: 0, bridged: true },
    ];
    const plan = planned(["12", "21", "12"], 1);
    expect(plan[1]).toEqual([liver, spleen]);
    expect(bridgedSlices(plan, 3).map((slices) => [...slices])).toEqual([
      [0, 0, 0],
      [0, 1, 0],
      [0, 1, 0],
    ]);
    expect(planned(["12", "00", "12"], 1)[1]).toEqual([liver, spleen]);
  });

  test("does not ask with a mask of which every component is too small", () => {
    // Two pixels of class 1 that do not touch, on the slices on both sides; two that do between them.
    const slices = ["1010000", "0000011", "1010000"].map((row) => Uint8Array.from(row, Number));
    const options = { minimumArea: 2, marginSlices: 0, bridgeSlices: 1 };
    const between = (perComponent: boolean) =>
      planPrompts((slice) => slices[slice]!, { count: 3, height: 1, width: 7 }, 2, { ...options, perComponent })[1];
    expect(between(false)).toEqual([{ class: 1, source: 0, bridged: true }]);
    expect(between(true)).toEqual([{ class: 1, source: 1, component: 1 }]);
  });

  test("asks with the slice's own masks unless told otherwise", () => {
    const own = [
      { class: 1, source: 1 },
      { class: 2, source: 1 },
    ];
    expect(planned(["12", "21", "12"])[1]).toEqual(own);
    expect(planned(["12", "21", "12"], 0)[1]).toEqual(own);
  });
});
