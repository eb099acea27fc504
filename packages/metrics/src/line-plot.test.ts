import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { type LinePlot, linesFile, renderLines } from "./line-plot.js";
import { renderReport } from "./report.js";

const plot = (y: readonly number[], changes: Partial<LinePlot> = {}): LinePlot => ({
  title: "Loss",
  across: "step",
  axis: "loss",
  curves: [{ name: "fold 0", x: y.map((_, at) => at + 1), y }],
  ...changes,
});

/** Every point of every line and band. */
const points = (svg: string) =>
  [...svg.matchAll(/ points="([^"]*)"/g)].flatMap(([, list]) =>
    list!.split(" ").map((pair) => pair.split(",").map(Number)),
  );

const heights = (svg: string) => points(/<polyline[^>]*>/.exec(svg)![0]).map(([, y]) => y!);

describe("curves", () => {
  const numbers = fc.array(fc.oneof(fc.double(), fc.double({ min: 1e-6, max: 10 })), { maxLength: 400 });

  test.prop([numbers, fc.boolean()])("stay inside the plot whatever the numbers are", (values, logarithmic) => {
    // Beyond this, sums leave the range of numbers; no loss does.
    const y = values.map((value) => (Math.abs(value) > 1e100 ? Number.NaN : value));
    for (const [x, height] of points(renderLines(plot(y, { logarithmic })).text)) {
      expect(x).toBeGreaterThanOrEqual(56);
      expect(x).toBeLessThanOrEqual(466);
      expect(height).toBeGreaterThanOrEqual(7.9);
      expect(height).toBeLessThanOrEqual(154.1);
    }
  });

  test("a higher value is drawn higher, and equal factors are equal distances on a logarithmic axis", () => {
    const [high, middle, low] = heights(renderLines(plot([100, 10, 1], { logarithmic: true })).text) as [
      number,
      number,
      number,
    ];
    expect(high).toBeLessThan(middle);
    expect(low - middle).toBeCloseTo(middle - high, 0);
    const [first, , third] = heights(renderLines(plot([100, 0, 50], { logarithmic: true })).text);
    expect(third).toBeGreaterThan(first!);
  });

  test("a hundred thousand points become a line a file can hold, with their extremes behind it", () => {
    const y = Array.from({ length: 100_000 }, (_, at) => Math.sin(at));
    const { text } = renderLines(plot(y));
    expect(text.length).toBeLessThan(20_000);
    expect(text).toContain('class="band"');
    expect(renderLines(plot([1, 2, 3])).text).not.toContain('class="band"');
  });

  test("single points, and curves without any, are drawn as what they are", () => {
    expect(renderLines(plot([0.5])).text).toMatch(/<circle[^>]*>/);
    expect(renderLines(plot([])).text).not.toMatch(/<circle|<polyline|NaN/);
    expect(renderLines(plot([Number.NaN, Number.POSITIVE_INFINITY])).text).not.toMatch(/<circle|<polyline|NaN/);
  });

  test("small numbers have an axis of their own", () => {
    expect(renderLines(plot([1e-4, 2e-4])).text).toContain(">0.00014<");
  });

  test("a file of its own names its curves and brings its colours; a page holds it beside other plots", () => {
    const file = linesFile(plot([3, 2, 1], { title: "<b>" }));
    expect(file).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg"/);
    expect(file).toContain("fold 0");
    expect(file).toContain("--series-0:");
    expect(file).not.toMatch(/<b>|<script|@import/);
    expect(renderReport({ title: "t", plots: [plot([3, 2, 1])] })).toContain("<polyline");
  });
});
