import { Random } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { degradations, drawDegradation, pretendedCertainty, pretendedProbabilities } from "./degrade.js";

const [height, width, classes] = [24, 30, 4];
/** Two discs of classes 1 and 3. */
const labels = Uint8Array.from({ length: height * width }, (_, i) => {
  const [y, x] = [Math.floor(i / width), i % width];
  return Math.hypot(y - 8, x - 8) < 6 ? 1 : Math.hypot(y - 15, x - 21) < 5 ? 3 : 0;
});
const slice = { labels, height, width };
const area = (map: Uint8Array, label: number) => map.filter((own) => own === label).length;

describe.each(Object.entries(degradations))("labels %s", (kind, degradation) => {
  test("keep size and classes, and leave the original alone", () => {
    const before = labels.slice();
    for (let n = 0; n < 20; n++) {
      const degraded = degradation(new Random(n), classes)(slice);
      expect(degraded).toHaveLength(labels.length);
      expect(degraded.every((label) => label < classes)).toBe(true);
      if (kind !== "confused") expect(area(degraded, 2)).toBe(0);
    }
    expect(labels).toEqual(before);
  });

  test("change something most of the time, and never all", () => {
    const changed = Array.from({ length: 40 }, (_, n) => {
      const degraded = degradation(new Random(n), classes)(slice);
      return degraded.filter((label, i) => label !== labels[i]).length / labels.length;
    });
    expect(changed.filter((share) => share > 0).length).toBeGreaterThan(10);
    expect(Math.max(...changed)).toBeLessThan(0.5);
  });

  test("go wrong alike on every slice of a sequence, and the same for the same stream", () => {
    const [one, again] = [degradation(new Random(3), classes), degradation(new Random(3), classes)];
    const first = one(slice);
    expect(one(slice)).toEqual(first);
    expect(again(slice)).toEqual(first);
  });

  test("of an empty slice, and of a data set with one class, are fine", () => {
    const empty = { ...slice, labels: new Uint8Array(labels.length) };
    for (let n = 0; n < 10; n++) {
      expect(area(degradation(new Random(n), classes)(empty), 0)).toBe(labels.length);
      const single = degradation(new Random(n), 2)({ ...slice, labels: labels.map((label) => Math.min(label, 1)) });
      expect(single.every((label) => label < 2)).toBe(true);
    }
  });
});

test("one or two degradations are drawn, by the stream alone", () => {
  const drawn = Array.from({ length: 20 }, (_, n) => drawDegradation(new Random(n), classes)(slice));
  expect(drawDegradation(new Random(4), classes)(slice)).toEqual(drawn[4]);
  expect(new Set(drawn.map((map) => map.join())).size).toBeGreaterThan(10);
});

test("pretended probabilities sum to 1 and are surest of the label", () => {
  const probabilities = pretendedProbabilities(labels, classes);
  for (let i = 0; i < labels.length; i++) {
    const own = Array.from({ length: classes }, (_, k) => probabilities[k * labels.length + i]!);
    expect(own.reduce((sum, p) => sum + p, 0)).toBeCloseTo(1, 5);
    expect(own[labels[i]!]).toBeCloseTo(pretendedCertainty, 6);
  }
});
