/** `convert` and the volumes of `info`, through the command line. */
import { mkdir, mkdtemp, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { scalingAffine, type Volume } from "@rfmedsam/imaging";
import { readPicture, readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { runCommandLine as run } from "../testing/command-line.js";

const ct: Volume<Int16Array> = {
  data: Int16Array.from({ length: 4 * 6 * 8 }, (_, at) => (at % 3 === 0 ? -1000 : at)),
  shape: [4, 6, 8],
  affine: scalingAffine([3, 1, 0.75], [1, 2, 3]),
};
let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-cli-"));
  await writeVolume(at("ct.nii.gz"), ct);
});
afterEach(() => rm(folder, { recursive: true }));

describe("convert", () => {
  test("one format into another, said with its place", async () => {
    expect(await run("convert", at("ct.nii.gz"), at("ct.nrrd"))).toMatchObject({ code: 0, err: "" });
    expect(await readVolume(at("ct.nrrd"))).toEqual(ct);
    const { out } = await run(
      "--json",
      "convert",
      at("ct.nrrd"),
      at("ct.mha"),
      "--orientation",
      "lps",
      "--dtype",
      "float32",
    );
    expect(JSON.parse(out)).toMatchObject({ event: "result", command: "convert", from: "nrrd", shape: [4, 6, 8] });
    expect((await readVolume(at("ct.mha"))).data).toBeInstanceOf(Float32Array);
  });

  test("a slice as a picture, with a window that starts below 0", async () => {
    expect((await run("convert", at("ct.nii.gz"), at("s.png"), "--slice", "2", "--window", "-160,240")).code).toBe(0);
    expect(await readPicture(at("s.png"))).toMatchObject({ width: 8, height: 6 });
  });

  test("what is unusual is noted", async () => {
    await run("convert", at("ct.nii.gz"), at("s.png"), "--slice", "2");
    const { code, err } = await run("convert", at("s.png"), at("s.nii"));
    expect(code).toBe(0);
    expect(err).toMatch(/no voxel size: taken as 1 mm/);
  });

  test.each([
    [["ct.nii.gz", "ct.nii.gz"], /exists already.*--overwrite/],
    [["none.mha", "x.nii"], /does not exist/],
    [["ct.nii.gz", "x.jpg"], /no format that is written/],
    [["ct.nii.gz", "x.nii", "--dtype", "uint8"], /uint8 holds exactly/],
    [["ct.nii.gz", "x.nii", "--dtype", "complex"], /Allowed choices/],
    [["ct.nii.gz", "x.nii", "--orientation", "RAR"], /one each of R\/L/],
    [["ct.nii.gz", "x.png", "--slice", "9"], /from 0 \(feet\) to 3/],
    [["ct.nii.gz", "x.png", "--slice", "1", "--window", "5"], /lower one first/],
    [["ct.nii.gz", "x.nii", "--labels"], /label image/],
    [["ct.nii.gz", "x.nii", "--like", "none.nii"], /none\.nii: does not exist/],
  ])("%j ends with 2 and one line that says why", async (args, words) => {
    const { code, out, err } = await run("convert", ...args.map((each) => (/\.\w+$/.test(each) ? at(each) : each)));
    expect(code).toBe(2);
    expect(out).toBe("");
    expect(err).toMatch(words);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });
});

describe("info", () => {
  test("says where a volume lies and what is in it, and draws it", async () => {
    const nan = { ...ct, data: Float32Array.from(ct.data, (value, n) => (n === 5 ? Number.NaN : value + 0.5)) };
    await writeVolume(at("nan.mha"), nan);
    const { code, out } = await run("info", at("nan.mha"), "--preview", at("strip.png"), "--window", "-100,200");
    expect(code).toBe(0);
    expect(out).toMatch(/format +MetaImage, float32/);
    expect(out).toMatch(/orientation +RAS \(i, j, k grow towards right, front, head\)/);
    expect(out).toMatch(/not finite +1 voxels/);
    expect(out).toMatch(/percentiles +0\.5 %: -1000?/);
    expect((await readPicture(at("strip.png"))).height).toBeGreaterThan(10);
  });

  test("the same for machines, label volumes included", async () => {
    await writeVolume(at("labels.nrrd"), { ...ct, data: new Uint8Array(ct.data.length).fill(2, 0, 7) });
    const { out } = await run("--json", "info", at("labels.nrrd"));
    expect(JSON.parse(out)).toMatchObject({
      kind: "volume",
      format: "nrrd",
      type: "uint8",
      shape: [4, 6, 8],
      labels: [{ value: 0 }, { value: 2, voxels: 7 }],
      statistics: { min: 0, max: 2 },
    });
  });

  test("several channels of NIfTI are counted, the first described", async () => {
    const bytes = await import("@rfmedsam/imaging").then(({ writeNifti }) =>
      writeNifti({ ...ct, data: new Int16Array(192) }),
    );
    const view = new DataView(bytes.buffer);
    for (const [place, size] of [
      [40, 4],
      [42, 8],
      [44, 6],
      [46, 2],
      [48, 2],
    ] as const)
      view.setInt16(place, size, true);
    await writeFile(at("two.nii"), bytes);
    expect((await run("info", at("two.nii"))).out).toMatch(/shape +2×6×8 .*2 channels/);
  });

  test("a preview of what is no volume, and a folder without images, are refused", async () => {
    await mkdir(at("data"));
    await writeFile(at("data", "dataset.json"), "{}");
    expect((await run("info", at("data"), "--preview", at("x.png"))).err).toMatch(/for what is no volume/);
    expect((await run("info", at("ct.nii.gz"), "--window", "1,2")).err).toMatch(/without --preview/);
    await expect(stat(at("x.png"))).rejects.toThrow();
  });
});
