/** That loading takes the memory of the weights and hardly more: shown in a process that does nothing else. */
import { execFileSync } from "node:child_process";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { floats, matrix } from "../testing/checkpoints.js";
import * as p from "../testing/pickler.js";
import { type ZipStyle, zipPieces } from "../testing/zip-writer.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-memory-"));
});
afterAll(() => rm(folder, { recursive: true }));

const [layers, width] = [48, 1024];
const testing = (name: string) => fileURLToPath(new URL(`../testing/${name}`, import.meta.url));

/** 200 MB, written from one layer's memory. */
async function write(file: string, style: ZipStyle): Promise<void> {
  const weight = floats(...new Array<number>(1024).fill(1 / 1024));
  const matrixBytes = Buffer.alloc(4 * width * width, weight);
  const bias = floats(...new Array<number>(width).fill(1));
  const entries = Array.from({ length: layers }, (_, i) => [
    [p.text(`layers.${i}.weight`), matrix(`${2 * i}`, [width, width])] as const,
    [p.text(`layers.${i}.bias`), matrix(`${2 * i + 1}`, [width])] as const,
  ]);
  const data = Array.from({ length: layers }, (_, i) => [
    { name: `small/data/${2 * i}`, bytes: matrixBytes },
    { name: `small/data/${2 * i + 1}`, bytes: bias },
  ]);
  const pickle = { name: "small/data.pkl", bytes: p.pickled(p.dict([p.text("model"), p.dict(...entries.flat())])) };
  const handle = await open(file, "w");
  for (const piece of zipPieces([pickle, ...data.flat()], style)) await handle.write(piece);
  await handle.close();
}

test("a checkpoint of 200 MB takes at most 1.2 times its weights, with every weight used", async () => {
  const file = join(folder, "large.pt");
  await write(file, { alignment: 64 });
  const hooks = testing("typescript-hooks.mjs");
  const script = [testing("peak-of-loading.ts"), file];
  const out = execFileSync(process.execPath, ["--conditions=source", "--import", hooks, ...script], {
    encoding: "utf8",
  });
  const { more, bytes, sum } = JSON.parse(out) as { more: number; bytes: number; sum: number };
  expect(bytes).toBe(4 * layers * (width * width + width));
  expect(sum).toBe(2 * layers * width);
  expect(more).toBeGreaterThan(0.8 * bytes); // the measurement sees what was loaded
  expect(more).toBeLessThan(1.2 * bytes);
}, 240_000);
