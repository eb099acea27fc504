/** The refiner's estimate against what training takes. In a process of its own: memory that others held would be counted. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import type { Triple } from "@rfmedsam/imaging";
import { tensor } from "@rfmedsam/torch";
import { afterAll, beforeAll, expect, test } from "vitest";
import { resolveConfiguration } from "../../config.js";
import { RefinerCase } from "../../refiner/sequences.js";
import { trainRefiner } from "../../refiner/train.js";
import { logitsOf, storedCase } from "../../testing/cases.js";
import { estimateRefiner } from "./refiner.js";
import { mebibyte } from "./sheet.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "memory-"));
});
afterAll(() => rm(folder, { recursive: true }));

// Only Linux can forget what a process held before.
test.skipIf(process.platform !== "linux")(
  "is what two steps of training take, to a quarter",
  async () => {
    const shape: Triple = [16, 48, 48];
    const classes = 4;
    // Every class on every slice: a quarter of the middle each.
    const label = (_: number, y: number, x: number) => {
      const [up, left] = [y < 24, x < 24];
      if (Math.hypot(y - 23.5, x - 23.5) > 16 || (up && left)) return 0;
      return up ? 1 : left ? 2 : 3;
    };
    const { refiner, precision } = resolveConfiguration("cpu", {
      refiner: { promptSources: { outOfFold: 1, degradedTruth: 0 } },
    });
    const logits = tensor(logitsOf(shape, classes, label), [classes, ...shape]).keep();
    const refinerCase = new RefinerCase(storedCase({ shape, classes, truth: label }), logits, classes, refiner);
    const before = residentMemory();
    resetPeakMemory();
    const { model } = await trainRefiner({
      cases: [refinerCase],
      classes,
      configuration: { ...refiner, iterations: 2 },
      precision,
      seed: 1,
      device: "cpu",
      checkpoint: join(folder, "refiner.safetensors"),
      checkpointEvery: 100,
      progress: () => {},
    });
    const used = peakMemory() - before;
    model.free();
    const { parts, total } = estimateRefiner(refiner, { classes, precision, device: "cpu" });
    // The process is here already, and a test's is larger than a program's.
    const predicted = total - parts.find(({ name }) => name === "program and libtorch")!.bytes;
    expect(used).toBeGreaterThan(150 * mebibyte);
    expect(Math.abs(predicted / used - 1)).toBeLessThan(0.25);
  },
  300_000,
);
