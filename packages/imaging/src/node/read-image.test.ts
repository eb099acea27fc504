import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { ConfigError, FileError, FormatError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { encodeGreyPng, encodePng } from "../formats/picture/png.js";
import { volumeToBytes } from "../formats/volume-files.js";
import { scalingAffine } from "../geometry.js";
import { orientationOf } from "../orientation.js";
import type { Volume } from "../volume.js";
import { imagesAmong, readImage, readLabels, readVolume, writeVolume } from "./index.js";

const volume: Volume<Int16Array> = {
  data: Int16Array.from({ length: 60 }, (_, index) => index * 7 - 200),
  shape: [3, 4, 5],
  affine: scalingAffine([2.5, 0.5, 0.75], [10, -20, 30]),
};
let folder: string;
const at = (...names: string[]) => join(folder, ...names);

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "images-"));
});
afterEach(() => rm(folder, { recursive: true }));

describe("files of every format", () => {
  test.each(["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"])("%s: written and read again", async (name) => {
    await writeVolume(at("new", name), volume);
    const warnings: string[] = [];
    expect(await readVolume(at("new", name), { onWarning: (each) => warnings.push(each) })).toEqual(volume);
    expect(warnings).toEqual([]);
    expect(await readdir(at("new"))).toEqual(name === "a.mhd" ? ["a.mhd", "a.zraw"] : [name]);
  });

  test("the content decides, not the name", async () => {
    await writeFile(at("a.nii.gz"), volumeToBytes(volume, "a.nrrd")["a.nrrd"]!);
    expect(await readImage(at("a.nii.gz"))).toMatchObject({ format: "nrrd", volume });
  });

  test("a volume that cannot be written leaves nothing behind, whatever the format", async () => {
    for (const name of ["a.nii", "a.nii.gz", "a.nrrd", "a.mha", "a.mhd"]) {
      await expect(writeVolume(at(name), volume, { dtype: "uint8" })).rejects.toThrow(ConfigError);
    }
    await expect(writeVolume(at("a.txt"), volume)).rejects.toThrow(/no volume format/);
    expect(await readdir(folder)).toEqual([]);
  });

  test("a damaged packed file says so", async () => {
    for (const name of ["a.nrrd", "a.mhd", "a.nii.gz"]) {
      await writeVolume(at(name), volume);
      const packed = name === "a.mhd" ? "a.zraw" : name;
      const bytes = await readFile(at(packed));
      bytes[bytes.length - 12]! ^= 0xff;
      await writeFile(at(packed), bytes);
      await expect(readVolume(at(name))).rejects.toThrow(FormatError);
      await writeFile(at(packed), bytes.subarray(0, bytes.length - 5));
      await expect(readVolume(at(name))).rejects.toThrow(FormatError);
    }
  });

  test("what is missing, empty or no file at all", async () => {
    await expect(readImage(at("none.nrrd"))).rejects.toThrow(FileError);
    await writeFile(at("empty.mha"), "");
    await expect(readImage(at("empty.mha"))).rejects.toThrow(/is empty/);
    await mkdir(at("folder"));
    await expect(readImage(at("folder"))).rejects.toThrow(FileError);
    if (process.platform !== "win32") {
      await promisify(execFile)("mkfifo", [at("pipe.nii")]);
      await expect(readImage(at("pipe.nii"))).rejects.toThrow(/no regular file/);
    }
  });

  test("a detached header reads nothing above its folder, a link of a folder's name included", async () => {
    await mkdir(at("inner"));
    await writeFile(at("secret.raw"), new Uint8Array(60));
    const header = (name: string) =>
      `NDims = 3\nDimSize = 3 4 5\nElementType = MET_UCHAR\nElementSpacing = 1 1 1\nElementDataFile = ${name}\n`;
    await writeFile(at("inner", "a.mhd"), header("../secret.raw"));
    await expect(readVolume(at("inner", "a.mhd"))).rejects.toThrow(/beside the header/);
    await symlink(folder, at("inner", "up"));
    await writeFile(at("inner", "a.mhd"), header("up"));
    await expect(readVolume(at("inner", "a.mhd"))).rejects.toThrow(/is missing/);
  });
});

describe("pictures", () => {
  test("grey PNG keeps its values; the voxel size is assumed and said", async () => {
    const data = Uint16Array.from({ length: 6 }, (_, n) => n * 9000);
    await writeFile(at("a.png"), encodeGreyPng({ width: 3, height: 2, data }));
    const image = await readImage(at("a.png"));
    expect(image.volume.data).toEqual(data);
    expect(image.volume.shape).toEqual([1, 2, 3]);
    expect(orientationOf(image.volume)).toBe("LPS");
    expect(image.warnings).toEqual(["a picture has no voxel size: taken as 1 mm"]);
  });

  test("colours become grey as Pillow's, and it is said; grey stored as colours stays what it is", async () => {
    const data = Uint8Array.of(255, 0, 0, 0, 255, 0, 0, 0, 255, 77, 77, 77);
    await writeFile(at("rgb.png"), encodePng({ width: 4, height: 1, data }));
    const colours = await readImage(at("rgb.png"));
    expect(colours.volume.data).toEqual(Uint8Array.of(76, 150, 29, 77));
    expect(colours.warnings.join()).toMatch(/colours are read as grey/);
    await writeFile(at("grey.png"), encodePng({ width: 1, height: 1, data: Uint8Array.of(9, 9, 9) }));
    expect((await readImage(at("grey.png"))).warnings).toHaveLength(1);
    expect((await readLabels(at("grey.png"))).data).toEqual(Uint8Array.of(9));
  });
});

test("pictures beside volumes are previews; alone they are the images", () => {
  expect(imagesAmong(["a.nii.gz", "a.png", "b.mha", "notes.txt"])).toEqual(["a.nii.gz", "b.mha"]);
  expect(imagesAmong(["a.png", "b.TIF", "notes.txt"])).toEqual(["a.png", "b.TIF"]);
});
