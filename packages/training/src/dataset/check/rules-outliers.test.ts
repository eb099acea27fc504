import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { drawnLabels, goodCases, layDataset, save, smallImage, smallShape } from "../testing/small-volumes.js";
import { type CheckReport, checkDataset } from "./check.js";
import { robustScale } from "./rules-outliers.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "outliers-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** What was found, as `rule: case or file: words`, the folder cut off. */
const told = ({ findings }: CheckReport) =>
  findings.map(({ rule, case: of, file, found }) => `${rule}: ${file?.slice(folder.length + 1) ?? of ?? ""}: ${found}`);
const check = async () => told(await checkDataset(folder));

describe("cases unlike the others", () => {
  const lay = async (odd: Volume, channel = "CT", labels: Volume = drawnLabels(99)) =>
    layDataset(folder, { ...goodCases(10), odd: { image: odd, labels } }, { channel_names: { 0: channel } });

  test("CT that is not in Hounsfield units is a warning, MRI of another scale a note", async () => {
    const odd = { ...smallImage(5), data: smallImage(55).data.map((value) => value * 20) };
    await lay(odd);
    expect(await check()).toEqual([
      expect.stringMatching(/^ct-intensity: imagesTr\/odd_0000\.nii\.gz: CT: .*usual.*\(z \d/),
    ]);
    await lay(odd, "MRI");
    const report = await checkDataset(folder);
    expect(report.findings).toMatchObject([{ rule: "intensity", severity: "note", case: "odd" }]);
  });

  test("another voxel size, another shape, another orientation, another organ's volume", async () => {
    const coarse = scalingAffine([3, 5, 5], [-4, 2, 10]);
    await lay({ ...smallImage(55), affine: coarse }, "CT", { ...drawnLabels(99), affine: coarse });
    expect(await check()).toEqual(
      expect.arrayContaining([
        expect.stringMatching(/^spacing: odd: 5 mm along y; usual 1 mm/),
        expect.stringMatching(/^class-volume: odd: organ/),
      ]),
    );
    const long = [...smallShape.slice(0, 2), 60] as unknown as typeof smallShape;
    const grid = { shape: long, affine: scalingAffine([3, 1, 1]) };
    await lay({ ...grid, data: Int16Array.from({ length: 1200 }, (_, n) => (n * 37) % 1000) }, "CT", {
      ...grid,
      data: Uint8Array.from({ length: 1200 }, (_, n) => n % 3),
    });
    expect(await check()).toEqual(expect.arrayContaining(["shape: odd: 60 voxels along x; usual 6 voxels"]));
    const flipped = [-1, 0, 0, 9, 0, -1, 0, 9, 0, 0, 3, 0, 0, 0, 0, 1];
    await lay({ ...smallImage(55), affine: flipped }, "CT", { ...drawnLabels(99), affine: flipped });
    expect(await check()).toEqual(["orientation: odd: LPS; usual RAS"]);
  });

  test("a test case is held against the cases to train on, and few cases have no usual", async () => {
    await layDataset(folder, goodCases(10));
    const odd = { ...smallImage(5), data: smallImage(55).data.map((value) => value * 20) };
    await save(at("imagesTs/odd_0000.nii.gz"), odd);
    expect((await checkDataset(folder)).findings).toMatchObject([{ rule: "ct-intensity", case: "odd (test)" }]);
    await rm(folder, { recursive: true });
    await layDataset(folder, { ...goodCases(3), odd: { image: odd, labels: drawnLabels(99) } });
    expect(await check()).toEqual([]);
  });
});

test("the robust scale is the median and 1.4826 times the median absolute deviation, but not below its floor", () => {
  // scipy.stats.median_abs_deviation([1, 2, 3, 4, 100], scale="normal") = 1.482602218505602
  const { median, deviation } = robustScale([1, 2, 3, 4, 100], 0.1);
  expect(median).toBe(3);
  expect(deviation).toBeCloseTo(1.482602218505602, 4);
  expect(robustScale([5, 5, 5, 9], 0.25)).toEqual({ median: 5, deviation: 0.25 });
});
