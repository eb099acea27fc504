import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeGreyPng } from "../formats/picture/png.js";
import { scalingAffine } from "../geometry.js";
import { orientationOf } from "../orientation.js";
import type { Volume } from "../volume.js";
import { convertImage, readVolume, writeVolume } from "./index.js";

const image: Volume<Int16Array> = {
  data: Int16Array.from({ length: 60 }, (_, at) => at * 30 - 1000),
  shape: [3, 4, 5],
  affine: scalingAffine([2.5, 1, 1], [10, -20, 30]),
};
const labels: Volume<Float32Array> = { ...image, data: Float32Array.from(image.data, (_, at) => at % 3) };
let folder: string;
const at = (name: string) => join(folder, name);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "convert-"));
  await writeVolume(at("image.nii.gz"), image);
  await writeVolume(at("labels.mha"), labels);
});
afterEach(() => rm(folder, { recursive: true }));

describe("converting", () => {
  test.each(["out.nii", "out.nii.gz", "out.nrrd", "out.mha", "out.mhd"])("to %s keeps everything", async (name) => {
    const { from, grid } = await convertImage(at("image.nii.gz"), at(name));
    expect(from).toBe("nifti");
    expect(grid).toEqual({ shape: image.shape, affine: image.affine });
    expect(await readVolume(at(name))).toEqual(image);
  });

  test("labels are written as uint8, an image is not taken for labels", async () => {
    await convertImage(at("labels.mha"), at("out.nrrd"), { labels: true });
    expect((await readVolume(at("out.nrrd"))).data).toEqual(Uint8Array.from(labels.data));
    await expect(convertImage(at("image.nii.gz"), at("no.nrrd"), { labels: true })).rejects.toThrow(FormatError);
    expect(await readdir(folder)).not.toContain("no.nrrd");
  });

  test("another orientation keeps every voxel's place; another type keeps every value or refuses", async () => {
    await convertImage(at("image.nii.gz"), at("out.nrrd"), { orientation: "PIL", dtype: "float64" });
    const turned = await readVolume(at("out.nrrd"));
    expect(orientationOf(turned)).toBe("PIL");
    expect(turned.data).toBeInstanceOf(Float64Array);
    await convertImage(at("out.nrrd"), at("back.nii"), { orientation: "RAS", dtype: "int16" });
    expect(await readVolume(at("back.nii"))).toEqual(image);
    await expect(convertImage(at("image.nii.gz"), at("no.nii"), { dtype: "uint8" })).rejects.toThrow(ConfigError);
    await expect(convertImage(at("image.nii.gz"), at("no.nii"), { orientation: "RAX" })).rejects.toThrow(ConfigError);
    expect(await readdir(folder)).not.toContain("no.nii");
  });

  test("like another image: on its grid, labels unmixed, a likely label map mixed only with a word", async () => {
    const grid = { shape: [5, 3, 4] as const, affine: scalingAffine([1.25, 1.5, 1.2], [10, -20, 30]) };
    await writeVolume(at("grid.nii"), { ...grid, data: new Uint8Array(60) });
    await convertImage(at("labels.mha"), at("out.nii"), { like: at("grid.nii"), labels: true });
    const out = await readVolume(at("out.nii"));
    expect(out.shape).toEqual(grid.shape);
    expect(new Set(out.data as Uint8Array)).toEqual(new Set([0, 1, 2]));
    const notes: string[] = [];
    await convertImage(at("labels.mha"), at("mixed.nii"), {
      like: at("grid.nii"),
      onWarning: (note) => notes.push(note),
    });
    expect(notes.join()).toMatch(/--labels/);
    await convertImage(at("image.nii.gz"), at("same.nii"), { like: at("image.nii.gz") });
    expect(await readVolume(at("same.nii"))).toEqual(image);
  });

  test("a slice as a picture: as radiologists look at it; values that fit as they are", async () => {
    const data = Uint8Array.from({ length: 6 }, (_, n) => 40 * n);
    await writeFile(at("a.png"), encodeGreyPng({ width: 3, height: 2, data }));
    await convertImage(at("a.png"), at("b.png"));
    expect((await readVolume(at("b.png"))).data).toEqual(data);
    await convertImage(at("image.nii.gz"), at("c.png"), { slice: 1, window: { low: -400, high: 170 } });
    const { data: grey, shape } = await readVolume(at("c.png"));
    expect(shape).toEqual([1, 4, 5]);
    // Rows run to the back, columns to the left: the last voxel of the slice in RAS comes first.
    expect([grey[0], grey[19]]).toEqual([255, 0]);
    const notes: string[] = [];
    await convertImage(at("image.nii.gz"), at("d.png"), { slice: 0, onWarning: (note) => notes.push(note) });
    expect(notes.join()).toMatch(/shown from/);
    await expect(convertImage(at("image.nii.gz"), at("e.png"))).rejects.toThrow(/3 slices/);
    await expect(convertImage(at("image.nii.gz"), at("e.png"), { slice: 3 })).rejects.toThrow(/0 \(feet\) to 2/);
  });

  test("what exists stays unless it may be replaced", async () => {
    await expect(convertImage(at("image.nii.gz"), at("labels.mha"))).rejects.toThrow(FileError);
    expect(await readVolume(at("labels.mha"))).toEqual(labels);
    await convertImage(at("image.nii.gz"), at("labels.mha"), { overwrite: true });
    expect(await readVolume(at("labels.mha"))).toEqual(image);
    await writeFile(at("x.zraw"), "mine");
    await expect(convertImage(at("image.nii.gz"), at("x.mhd"))).rejects.toThrow(/x\.zraw/);
  });

  test.each([
    ["out.doc", {}, /no format that is written/],
    ["out.nii", { slice: 1 }, /slice or window/],
    ["out.png", { dtype: "uint8" as const }, /type uint8 for a picture/],
    ["out.png", { orientation: "LPS" }, /orientation/],
    ["out.nii", { orientation: "LPS", like: "x.nii" }, /one of the two/],
  ])("%s with %j is refused before anything is read", async (name, options, words) => {
    await expect(convertImage(at("none.nii"), at(name), options)).rejects.toThrow(ConfigError);
    await expect(convertImage(at("none.nii"), at(name), options)).rejects.toThrow(words);
  });
});
