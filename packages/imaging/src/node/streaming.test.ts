/** How much memory converting takes beyond what the process held before: the voxels, and little more. Where the system tells (Linux). */
import { existsSync } from "node:fs";
import { mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeNifti } from "../formats/nifti/write.js";
import { scalingAffine } from "../geometry.js";
import { convertImage } from "./index.js";

const canMeasure = existsSync("/proc/self/clear_refs");
const shape = [300, 512, 512] as const;
const size = shape[0] * shape[1] * shape[2] * 2;
let folder: string;
let before = Number.POSITIVE_INFINITY;
const at = (name: string) => join(folder, name);

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/**
 * What earlier tests left is no part of the measurement: waits until it is gone. A collection only marks large arrays; threads of their own
 * give the memory back, on a busy machine much later.
 */
async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 200; round++) {
    collect();
    if (residentMemory() < before + size / 20) return;
    await new Promise((done) => setTimeout(done, 10));
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "streaming-"));
  // Written slice by slice, so that this process never holds the volume.
  const slice = { data: new Int16Array(512 * 512), shape: [1, 512, 512] as const, affine: scalingAffine([2, 1, 1]) };
  for (let i = 0; i < slice.data.length; i++) slice.data[i] = (i * 7) % 2000;
  const { header, voxels } = encodeNifti(slice);
  const view = new DataView(header.buffer);
  view.setInt16(46, shape[0], true);
  // As converters of CT write it: rescaled, but still whole numbers.
  view.setFloat32(116, -1024, true);
  const bytes = [...voxels];
  const file = await open(at("large.nii"), "w");
  await file.write(header);
  for (let z = 0; z < shape[0]; z++) for (const part of bytes) await file.write(part);
  await file.close();
  collect();
  if (canMeasure) before = residentMemory();
});
afterAll(() => rm(folder, { recursive: true }));

describe.skipIf(!canMeasure)("a volume of 150 MB is converted within 2.5 times its size", () => {
  test.each([
    ["small.nii.gz", {}],
    ["plain.mha", {}],
    ["wide.nrrd", { dtype: "float32" }],
    ["turned.nii", { orientation: "PSL" }],
  ] as const)("%s %j", async (name, options) => {
    await collectGarbage();
    resetPeakMemory();
    await convertImage(at("large.nii"), at(name), options);
    expect(peakMemory() - before).toBeLessThan(2.5 * size);
  });
});
