import { Random } from "@rfmedsam/base";
import { describe, expect, test, vi } from "vitest";
import {
  type Degradation,
  type DegradationName,
  degradations,
  drawCertainty,
  drawDegradation,
  pretendedProbabilities,
} from "./degrade.js";

const [height, width, classes] = [24, 30, 4];
/** Two discs of classes 1 and 3. */
const labels = Uint8Array.from({ length: height * width }, (_, i) => {
  const [y, x] = [Math.floor(i / width), i % width];
  return Math.hypot(y - 8, x - 8) < 6 ? 1 : Math.hypot(y - 15, x - 21) < 5 ? 3 : 0;
});
const slice = { labels, height, width, index: 0 };
const area = (map: Uint8Array, label: number) => map.filter((own) => own === label).length;
const draws = (kind: DegradationName, count: number) =>
  Array.from({ length: count }, (_, n) => degradations[kind](new Random(n), classes));

describe.each(Object.entries<Degradation>(degradations))("labels %s", (kind, degradation) => {
  test("keep size and classes, and leave the original alone", () => {
    const before = labels.slice();
    for (let n = 0; n < 20; n++) {
      const degraded = degradation(new Random(n), classes)(slice);
      expect(degraded).toHaveLength(labels.length);
      expect(degraded.every((label) => label < classes)).toBe(true);
      if (!["confused", "swapped", "blob"].includes(kind)) expect(area(degraded, 2)).toBe(0);
    }
    expect(labels).toEqual(before);
  });

  test("change something often, and never all", () => {
    const changed = Array.from({ length: 40 }, (_, n) => {
      const degraded = degradation(new Random(n), classes)(slice);
      return degraded.filter((label, i) => label !== labels[i]).length / labels.length;
    });
    expect(changed.filter((share) => share > 0).length).toBeGreaterThan(8);
    expect(Math.max(...changed)).toBeLessThan(0.5);
  });

  test("are the same for the same stream, and go wrong alike on every slice unless slices are lost or swapped", () => {
    for (let n = 0; n < 10; n++) {
      const [one, again] = [degradation(new Random(n), classes), degradation(new Random(n), classes)];
      const first = one(slice);
      expect(one(slice)).toEqual(first);
      expect(again(slice)).toEqual(first);
      if (kind !== "lost" && kind !== "swapped") expect(one({ ...slice, index: 5 })).toEqual(first);
    }
  });

  test("of a slice with nothing on it, and of a data set with one class, are fine", () => {
    const empty = { ...slice, labels: new Uint8Array(labels.length) };
    for (let n = 0; n < 10; n++) {
      if (kind !== "blob") expect(area(degradation(new Random(n), classes)(empty), 0)).toBe(labels.length);
      const single = degradation(new Random(n), 2)({ ...slice, labels: labels.map((label) => Math.min(label, 1)) });
      expect(single.every((label) => label < 2)).toBe(true);
    }
  });
});

describe("what goes wrong", () => {
  test("lost: on some slices and not on others, one class whole or all of them", () => {
    const kinds = new Set<string>();
    for (const lose of draws("lost", 30)) {
      const left = Array.from({ length: 40 }, (_, index) => {
        const out = lose({ ...slice, index });
        for (const label of [1, 3]) expect([0, area(labels, label)]).toContain(area(out, label));
        return `${area(out, 1) > 0} ${area(out, 3) > 0}`;
      });
      expect(left).toContain("true true");
      for (const kind of left) kinds.add(kind);
    }
    expect(kinds).toEqual(new Set(["true true", "false true", "true false", "false false"]));
  });

  test("swapped: two classes whole, on some slices and not on others; one class alone has nothing to be swapped with", () => {
    let swaps = 0;
    for (const swap of draws("swapped", 30)) {
      const left = Array.from({ length: 40 }, (_, index) => swap({ ...slice, index }));
      expect(left.some((out) => out.every((label, i) => label === labels[i]))).toBe(true);
      const wrong = left.filter((out) => out.some((label, i) => label !== labels[i]));
      for (const out of wrong) {
        expect([...out.keys()].every((i) => (out[i] === 0) === (labels[i] === 0))).toBe(true);
        expect([area(out, 1), area(out, 2), area(out, 3)].sort()).toEqual([0, area(labels, 1), area(labels, 3)].sort());
      }
      swaps += wrong.length;
    }
    expect(swaps).toBeGreaterThan(100);
    const single = labels.map((label) => Math.min(label, 1));
    for (let n = 0; n < 10; n++) {
      const swap = degradations.swapped(new Random(n), 2);
      for (let index = 0; index < 8; index++) expect(swap({ ...slice, labels: single, index })).toEqual(single);
    }
  });

  test("blob: one ellipse of one class more, on background alone", () => {
    const sizes = draws("blob", 40).map((paint) => {
      const out = paint(slice);
      const wrong = [...out.keys()].filter((i) => out[i] !== labels[i]);
      expect(wrong.every((i) => labels[i] === 0)).toBe(true);
      expect(new Set(wrong.map((i) => out[i])).size).toBeLessThanOrEqual(1);
      return wrong.length;
    });
    // π · 7², the largest there is.
    expect(Math.max(...sizes)).toBeLessThanOrEqual(160);
    expect(sizes.filter((size) => size > 0).length).toBeGreaterThan(25);
  });

  test("eroded: a rim of every object becomes background, dilated: background becomes object, nothing else", () => {
    for (const erode of draws("eroded", 10)) {
      const out = erode(slice);
      expect([...out.keys()].every((i) => out[i] === labels[i] || out[i] === 0)).toBe(true);
      for (const label of [1, 3]) expect(area(out, label)).toBeLessThan(area(labels, label));
    }
    for (const dilate of draws("dilated", 10)) {
      const out = dilate(slice);
      expect([...out.keys()].every((i) => out[i] === labels[i] || labels[i] === 0)).toBe(true);
      for (const label of [1, 3]) expect(area(out, label)).toBeGreaterThan(area(labels, label));
    }
  });

  test("rims are as deep, in parts of the picture, at twice the resolution", () => {
    const disc = (side: number) => {
      const map = Uint8Array.from({ length: side * side }, (_, i) =>
        Math.hypot(Math.floor(i / side) - side / 2, (i % side) - side / 2) < side / 4 ? 1 : 0,
      );
      return { labels: map, height: side, width: side, index: 0 };
    };
    const left = (side: number, n: number) =>
      area(degradations.eroded(new Random(n))(disc(side)), 1) / area(disc(side).labels, 1);
    for (let n = 0; n < 5; n++) expect(Math.abs(left(128, n) - left(256, n))).toBeLessThan(0.06);
  });
});

test("of a data set with one class none is drawn that could do nothing", () => {
  using swapped = vi.spyOn(degradations, "swapped");
  for (let n = 0; n < 100; n++) drawDegradation(new Random(n), 2);
  expect(swapped).not.toHaveBeenCalled();
  for (let n = 0; n < 100; n++) drawDegradation(new Random(n), 3);
  expect(swapped).toHaveBeenCalled();
});

test("one or two degradations are drawn, by the stream alone", () => {
  const drawn = Array.from({ length: 20 }, (_, n) => drawDegradation(new Random(n), classes)(slice));
  expect(drawDegradation(new Random(4), classes)(slice)).toEqual(drawn[4]);
  expect(new Set(drawn.map((map) => map.join())).size).toBeGreaterThan(10);
});

test("pretended probabilities sum to 1 and are surest of the label, now more, now less", () => {
  const certainties = Array.from({ length: 50 }, (_, n) => drawCertainty(new Random(n)));
  expect(Math.min(...certainties)).toBeGreaterThan(0.8);
  expect(Math.max(...certainties)).toBeLessThan(0.999);
  expect(Math.min(...certainties)).toBeLessThan(0.9);
  expect(Math.max(...certainties)).toBeGreaterThan(0.99);
  const probabilities = pretendedProbabilities(labels, classes, 0.93);
  for (let i = 0; i < labels.length; i++) {
    const own = Array.from({ length: classes }, (_, k) => probabilities[k * labels.length + i]!);
    expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    expect(own[labels[i]!]).toBeCloseTo(0.93, 6);
  }
});
