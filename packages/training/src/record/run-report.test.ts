import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError } from "@rfmedsam/base";
import { toPng } from "@rfmedsam/metrics";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { resolveConfiguration } from "../config.js";
import { validationRows } from "./facts.js";
import { RunRecorder } from "./recorder.js";
import { renderRunReport } from "./run-report.js";

let model: string;
beforeEach(async () => {
  model = await mkdtemp(join(tmpdir(), "report-"));
});
afterEach(() => rm(model, { recursive: true }));

const open = () => RunRecorder.open(join(model, "log"));

/** Three cases on which stage 1 is better for the liver and nothing is measured for the aorta. */
const validation = validationRows(
  [0, 1, 2].flatMap((at) => [
    { case: `case_${at}`, class: 1, dice: { step0: 0.8 + at / 100, stage1: 0.9 + at / 100 } },
    { case: `case_${at}`, class: 2, dice: { step0: Number.NaN, stage1: Number.NaN } },
  ]),
  ["background", "liver", "aorta"],
);

describe("the page about a training", () => {
  test("a run that was killed in its second stage: how far it is, its settings, its curves", async () => {
    const recorder = await open();
    const configuration = resolveConfiguration("cpu", { step0: { iterations: 40 }, refiner: { iterations: 30 } });
    await recorder.describe({
      dataset: { name: "Phantoms", cases: 5, labels: { background: 0, liver: 1 }, channels: ["CT"] },
      configuration,
      seed: 7,
    });
    for (let iteration = 1; iteration <= 40; iteration++)
      recorder.add({ stage: "step 0: training U-Net 1 of 2", iteration, values: { loss: 1 }, seconds: 2 });
    for (let iteration = 1; iteration <= 12; iteration++)
      recorder.add({ stage: "refiner", iteration, values: { loss: 3, learningRate: 1e-3 }, seconds: 3 });
    recorder.flush(); // and never closed
    const page = await renderRunReport(model);
    expect(page).toContain("Training: Phantoms");
    expect(page).toContain("Not finished: refiner, step 12 of 30.");
    expect(page).toContain(
      '<td>refiner</td><td class="number">12</td><td class="number">30</td><td class="number">3.000</td>',
    );
    expect(page).toContain("<td>step0.iterations</td><td>40</td>");
    expect(page.match(/<polyline/g)!.length).toBeGreaterThanOrEqual(6);
    expect(page).not.toMatch(/<script|https?:/);
    expect(page).not.toContain("Dice of the validation cases");
  });

  test("what was chosen, with the gain, its interval and the reason; labels without a score are none", async () => {
    const recorder = await open();
    await recorder.describe({
      validation,
      validationCases: ["case_0", "case_1", "case_2"],
      choices: [
        {
          label: "liver",
          stage: "stage1",
          gate: { kind: "fallback", stage: "stage1", scope: "case", confidence: 0.5 },
          largestComponent: true,
          reason: "stage 1 gains 0.1",
        },
        { label: "aorta", stage: "step0", reason: "too few cases" },
      ],
    });
    recorder.close();
    const page = await renderRunReport(model);
    expect(page).toContain(
      "<td>liver</td><td>stage1</td><td>step 0 where stage 1 is less than 0.50 sure</td><td>kept alone</td>",
    );
    expect(page).toContain(
      '<td class="number">0.1000</td><td class="number">0.1000 … 0.1000</td><td class="number">3</td>',
    );
    expect(page).toContain("stage 1 gains 0.1");
    expect(page).toContain("too few cases");
    expect(page).toContain("Dice of the validation cases");
    expect(page).toContain('<dd class="value">0.910</dd>');
  });

  test("the memory that was expected, and the most that any session of the run took", async () => {
    const recorder = await open();
    const gib = 2 ** 30;
    await recorder.describe({
      memory: [
        { phase: "preparing cases", place: "host", bytes: 0.5 * gib },
        { phase: "training step 0", place: "host", bytes: 3 * gib },
        { phase: "training the refiner", place: "host", bytes: 2 * gib },
      ],
    });
    expect(await renderRunReport(model)).toContain(
      '<td class="number">3.00</td></tr>', // known before the first step
    );
    const stages = ["step 0: training U-Net 1 of 1", "refiner: training stages 1 and 2"];
    for (const stage of stages) recorder.add({ stage, iteration: 1, values: { loss: 1 }, seconds: 60 });
    recorder.close({ "memory/peak": 2.75 * gib });
    (await open()).close({ "memory/peak": 2.25 * gib });
    const page = await renderRunReport(model);
    expect(page).toMatch(/memory at most.*memory predicted/s);
    expect(page).not.toContain("GPU memory");
    expect(page).toMatch(/<td>step 0: training U-Net 1 of 1<.td>.*?<td class="number">3\.00<.td><.tr>/);
    expect(page).toMatch(/<td>refiner: training stages 1 and 2<.td>.*?<td class="number">2\.00<.td><.tr>/);
    expect(page).toMatch(
      /<td>whole run<.td>.*?<td class="number">2\.0<.td><td class="number">2\.75<.td><td class="number">3\.00<.td><.tr>/,
    );
  });

  test("what a graphics card held and is expected to stands beside the same of the computer's memory", async () => {
    const recorder = await open();
    await recorder.describe({
      memory: [
        { phase: "training step 0", place: "device", bytes: 7 * 2 ** 30 },
        { phase: "preparing cases", place: "host", bytes: 1 * 2 ** 30 },
      ],
    });
    recorder.add({ stage: "step 0: training the U-Net", iteration: 1, values: { loss: 1 }, seconds: 60 });
    recorder.close({ "memory/peak on the device": 5 * 2 ** 30 });
    (await open()).close({ "memory/peak on the device": Number.NaN });
    const page = await renderRunReport(model);
    expect(page).toMatch(/memory at most.*memory predicted.*GPU memory at most.*GPU memory predicted/s);
    expect(page).toMatch(
      /<td>whole run<.td>.*<td class="number">1\.00<.td><td class="number">5\.00<.td><td class="number">7\.00<.td><.tr>/,
    );
  });

  test("pictures of the run's folder are on it, by case", async () => {
    (await open()).close();
    await mkdir(join(model, "log/pictures"));
    const png = toPng({ width: 2, height: 2, data: new Uint8Array(12) });
    for (const view of ["axial", "coronal"]) await writeFile(join(model, `log/pictures/ct-1-${view}.png`), png);
    const page = await renderRunReport(model);
    expect(page.match(/data:image\/png/g)).toHaveLength(2);
    expect(page).toContain("<h3>ct-1</h3>");
    expect(page).toContain("Not finished: no step was recorded yet.");
  });

  test("a folder without a training, and a damaged record, are told", async () => {
    await expect(renderRunReport(model)).rejects.toThrow(FileError);
    await expect(renderRunReport(join(model, "none"))).rejects.toThrow(/does not exist/);
    (await open()).close();
    await writeFile(join(model, "log/run.json"), '{"dataset": 3}');
    await expect(renderRunReport(model)).rejects.toThrow(ConfigError);
  });
});
