/** `ablate`, `stress` and `upper-bound` through the command line: a tiny model, trained by the first and measured by the others. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writePhantomDataset } from "@rfmedsam/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "../testing/command-line.js";

let home: string;
let split: readonly string[];
const at = (...names: string[]) => join(home, ...names);
const run = (...args: string[]) => runCommandLine("--json", "--threads", "1", "--device", "cpu", ...args);
const lastOf = ({ out }: { readonly out: string }) =>
  JSON.parse(out.trim().split("\n").at(-1)!) as Readonly<Record<string, unknown>>;

const tiny = `
title: Tiny
preset: cpu
changes:
  folds: 1
  validation: 0
  choice: { stages: false, gate: false, largestComponent: false }
  step0: { patchVoxels: 2500, baseFeatures: 4, maximumFeatures: 8, maximumStages: 2, iterations: 2, foreground: 0.5 }
  refiner: { imageSize: 32, sequence: 2, batch: 1, iterations: 1, warmup: 0, promptSources: { outOfFold: 0, degradedTruth: 1 } }
variants:
  step0: { about: the U-Net alone, stage: step0 }
`;

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "study-cli-"));
  await writePhantomDataset(at("data"), {
    cases: 3,
    test: 0,
    seed: 2,
    organs: ["liver", "aorta"],
    inPlaneSpacing: 16,
    sliceSpacing: 20,
    absence: 0,
    fieldOfView: [140, 280, 340],
  });
  await writeFile(at("tiny.yaml"), tiny);
  const folds = [
    { train: ["phantom_001", "phantom_002"], val: ["phantom_003"] },
    { train: ["phantom_001"], val: [] },
  ];
  await writeFile(at("split.json"), JSON.stringify(folds));
  split = ["--split", at("split.json"), "--fold", "0"];
  const ablated = await run("ablate", at("tiny.yaml"), "--data", at("data"), "-o", at("ablation"), ...split);
  expect(ablated.err).toBe("");
  expect(lastOf(ablated)).toMatchObject({ command: "ablate", cases: ["phantom_003"], labels: ["liver", "aorta"] });
  expect(lastOf(ablated).table).toHaveLength(2);
});
afterAll(() => rm(home, { recursive: true }));

describe("a stress test", () => {
  test("of a fold's case ends with its table, verdict and files", async () => {
    const args = ["stress", at("data"), "-m", at("ablation/base"), "-o", at("stress"), "--degradations", "noise"];
    const { code, err, ...output } = await run(...args, ...split);
    expect([code, err]).toEqual([0, ""]);
    const result = lastOf(output);
    expect(result).toMatchObject({ command: "stress", cases: ["phantom_003"], table: [{}, { degradation: "noise" }] });
    expect(await readFile((result.files as { html: string }).html, "utf8")).toContain("Stress test");
  });

  test.each([
    ["an unknown degradation", ["--degradations", "x"], /no such degradation: .{0,2}"x/],
    ["an empty list", ["--degradations", "a,,b"], /names with commas/],
    ["a fold without cases", ["--split", "SPLIT", "--fold", "1"], /none of the chosen cases/],
    ["a split without a fold", ["--split", "SPLIT"], /no --fold/],
  ])("with %s is refused", async (_, more, message) => {
    const named = more.map((word) => (word === "SPLIT" ? at("split.json") : word));
    const { code, out, err } = await run("stress", at("data"), "-m", at("ablation/base"), "-o", at("no"), ...named);
    expect(code).toBe(2);
    expect((out + err).replaceAll("\\", "")).toMatch(message);
  });
});

describe("an upper bound", () => {
  const args = () => ["upper-bound", at("data"), "-o", at("upper"), "--prompts", "box", "--strategies", "middle"];

  test("has a row for every prompt, strategy and direction", async () => {
    const { code, err, ...output } = await run(...args(), "-m", at("ablation/base"), "--cases", "1", ...split);
    expect([code, err]).toEqual([0, ""]);
    expect(lastOf(output).table).toMatchObject(
      ["both", "forward", "backward"].map((direction) => ({ prompt: "box", slices: "middle", direction })),
    );
  });

  test.each([
    ["neither model nor weights", [], /neither a model nor weights/],
    ["both", ["-m", "m", "--weights", "w"], /cannot be used with/],
    ["weights that are not there", ["--weights", "none.pt"], /none\.pt/],
  ])("with %s is refused", async (_, more, message) => {
    const { code, out, err } = await run(...args(), ...more, ...split);
    expect(code).toBe(2);
    expect(out + err).toMatch(message);
  });
});

describe("an ablation", () => {
  test("without cases that nobody learned from is refused", async () => {
    const { code, out, err } = await run("ablate", at("tiny.yaml"), "--data", at("data"), "-o", at("no"));
    expect(code).toBe(2);
    expect(out + err).toMatch(/--split FILE --fold K/);
  });
});
