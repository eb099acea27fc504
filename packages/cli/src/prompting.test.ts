/** The commands that open weights, from arguments to files: small networks of random weights, a made-up picture and a small phantom. */
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { saveWeights } from "@rfmedsam/engine";
import { encodePng, type RgbPicture, toFloat32 } from "@rfmedsam/imaging";
import {
  readDicom,
  readMask,
  readPicture,
  readVolume,
  writeDicomSegFile,
  writePng,
  writeVolume,
} from "@rfmedsam/imaging/node";
import { buildModel, samConfig, smallSam2Config } from "@rfmedsam/models";
import { manualSeed, readSafetensors } from "@rfmedsam/torch";
import { makePhantom } from "@rfmedsam/training";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommandLine } from "./testing/command-line.js";
import { ctSlice } from "./testing/ct-slice.js";

let folder: string;
const at = (...names: string[]) => join(folder, ...names);

const run = (...args: string[]) => runCommandLine(...args, "--threads", "1");

/** The last event of `--json`. */
async function result(...args: string[]) {
  const { out, err } = await run(...args, "--json");
  const event = JSON.parse(out.trimEnd().split("\n").at(-1) ?? "{}") as Record<string, unknown>;
  if (event.event !== "result") throw new Error(err);
  return event;
}

/** A bright disc on a dark ground. */
const disc: RgbPicture = {
  height: 48,
  width: 64,
  data: Uint8Array.from({ length: 48 * 64 * 3 }, (_, n) => {
    const [x, y] = [Math.floor(n / 3) % 64, Math.floor(n / 192)];
    return (x - 30) ** 2 + (y - 20) ** 2 < 120 ? 210 : 40;
  }),
};

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "prompting-"));
  manualSeed(5);
  const sam2 = { family: "sam2", config: smallSam2Config(64) } as const;
  await saveWeights(at("sam2.safetensors"), buildModel(sam2), sam2);
  const sam = {
    family: "sam",
    config: samConfig({
      imageSize: 64,
      imageEncoder: { embedDim: 32, depth: 2, numHeads: 2, globalAttnIndexes: [1], windowSize: 3, outChans: 32 },
      maskDecoder: { iouHeadHiddenDim: 32, transformer: { mlpDim: 32, numHeads: 2 } },
    }),
  } as const;
  await saveWeights(at("sam.safetensors"), buildModel(sam), sam);
  await writePng(at("disc.png"), disc);
  const { image } = makePhantom({ inPlaneSpacing: 8, sliceSpacing: 20 }, 4);
  await writeVolume(at("ct.nii.gz"), image);
});
afterAll(() => rm(folder, { recursive: true }));

describe("rfmedsam models", () => {
  test("lists every official model", async () => {
    const { code, out } = await run("models");
    expect(code).toBe(0);
    for (const name of ["sam2.1_hiera_tiny.pt", "sam_vit_h_4b8939.pth", "sam-med2d_b*"]) expect(out).toContain(name);
    const { models } = await result("models");
    expect(models).toContainEqual(
      expect.objectContaining({ name: "sam2.1_hiera_t", family: "sam2", imageSize: 1024, wrapper: "model" }),
    );
  });
});

describe("rfmedsam inspect", () => {
  test("says what a file is and shows some of its tensors", async () => {
    const { code, out } = await run("inspect", at("sam2.safetensors"));
    expect(code).toBe(0);
    expect(out).toMatch(/model +of the family sam2, configured in the file, images of 64×64/);
    expect(out).toMatch(/… \d+ more between them/);
    expect((await run("inspect", at("sam2.safetensors"), "--all")).out).not.toContain("more between them");
    expect(await result("inspect", at("sam.safetensors"))).toMatchObject({
      format: "safetensors",
      model: { kind: "exact" },
    });
  });

  test("a picture is no file of weights", async () => {
    const { code, err } = await run("inspect", at("disc.png"));
    expect(code).toBe(2);
    expect(err).toMatch(/disc\.png: /);
  });
});

describe("rfmedsam convert-weights", () => {
  test("writes the same weights, and does not replace a file unasked", async () => {
    const [from, to] = [at("sam.safetensors"), at("copy.safetensors")];
    expect((await run("convert-weights", from, to)).code).toBe(0);
    const [before, after] = [await readSafetensors(from), await readSafetensors(to)];
    for (const [name, tensor] of before) expect(after.get(name)?.toArray()).toEqual(tensor.toArray());
    expect(await run("convert-weights", from, to)).toMatchObject({
      code: 2,
      err: expect.stringContaining("--overwrite"),
    });
    expect((await run("convert-weights", from, to, "--overwrite", "--dtype", "float16")).code).toBe(0);
    expect(await result("inspect", to)).toMatchObject({ dtypes: { float16: before.size } });
  });
});

describe.each(["sam2", "sam"])("rfmedsam prompt with a small %s", (name) => {
  const weights = () => ["--weights", at(`${name}.safetensors`)];

  test("a picture: masks, overlay and numbers", async () => {
    const out = at(`picture-${name}`);
    const args = [
      "prompt",
      at("disc.png"),
      "--point",
      "30,20",
      "--point",
      "2,2:0",
      "--box",
      "20,10,40,30@2",
      ...weights(),
      "-o",
      out,
    ];
    const { code, out: text } = await run(...args);
    expect(code).toBe(0);
    expect(text).toMatch(/object 1: .*mask-1\.png/);
    const facts = JSON.parse(await readFile(join(out, "objects.json"), "utf8")) as {
      objects: { area: number; score: number }[];
    };
    expect(facts.objects).toHaveLength(2);
    for (const [n, { area, score }] of facts.objects.entries()) {
      const mask = await readMask(join(out, `mask-${n + 1}.png`));
      expect([mask.height, mask.width, mask.data.reduce((sum, value) => sum + value, 0)]).toEqual([48, 64, area]);
      expect(Number.isFinite(score)).toBe(true);
    }
    expect(await readPicture(join(out, "overlay.png"))).toMatchObject({ height: 48, width: 64 });
    expect(await run(...args)).toMatchObject({ code: 2, err: expect.stringContaining("exists already") });
    expect((await run(...args, "--overwrite")).code).toBe(0);
    const again = [
      "prompt",
      at("disc.png"),
      "--mask",
      join(out, "mask-1.png"),
      ...weights(),
      "-o",
      at(`again-${name}`),
    ];
    expect((await run(...again)).code).toBe(0);
  });

  test("a volume: labels on its own grid", async () => {
    const out = at(`volume-${name}`);
    const volume = await readVolume(at("ct.nii.gz"));
    const [depth, height, width] = volume.shape;
    const middle = [width, height, depth].map((size) => Math.floor(size / 2));
    const box = `2,2,${Math.floor(width / 2)},${Math.floor(height / 2)}@2`;
    const event = await result(
      "prompt",
      at("ct.nii.gz"),
      "--point",
      middle.join(","),
      "--box",
      box,
      "--slice",
      "1",
      ...weights(),
      "-o",
      out,
    );
    expect(event).toMatchObject({ prompted: [1, middle[2]].sort(), propagated: name === "sam2" });
    const labels = await readVolume(join(out, "labels.nii.gz"));
    expect(labels.shape).toEqual(volume.shape);
    expect(labels.affine).toEqual(volume.affine);
    const counted = [1, 2].map((label) => toFloat32(labels.data).filter((value) => value === label).length);
    expect((event.objects as { voxels: number }[]).map(({ voxels }) => voxels)).toEqual(counted);
    await readPicture(join(out, "overlay.png"));
  });
});

test("a DICOM series is a volume, and a segmentation of it is none", async () => {
  await mkdir(at("series"));
  for (let z = 0; z < 4; z++) await writeFile(at("series", `${z}.dcm`), ctSlice(z));
  const prompt = ["--point", "1,1,2", "--no-propagate", "--weights", at("sam.safetensors")];
  const event = await result("prompt", at("series"), ...prompt, "--series", "1", "-o", at("dicom"));
  expect(event).toMatchObject({ prompted: [2] });
  const [labels, source] = [await readVolume(at("dicom", "labels.nii.gz")), await readVolume(at("series"))];
  expect([labels.shape, labels.affine]).toEqual([source.shape, source.affine]);
  expect(
    (await run("prompt", at("series", "3.dcm"), "--point", "1,1,0", ...prompt.slice(2), "-o", at("one"))).code,
  ).toBe(0);

  const refused = async (input: string, ...more: string[]) => {
    const { code, err } = await run("prompt", input, ...prompt, ...more, "-o", at("never"));
    expect(code).toBe(2);
    return err;
  };
  expect(await refused(at("series"), "--series", "7")).toMatch(/no series 7/);
  const { series, volume } = await readDicom(at("series"));
  const drawn = { ...volume, data: new Uint8Array(volume.data.length).fill(1) };
  await writeDicomSegFile(at("seg.dcm"), drawn, { liver: 1 }, { volume, series });
  expect(await refused(at("seg.dcm"))).toMatch(/a DICOM segmentation \(modality SEG\).*Name the series/);
});

test("a point in a viewer's millimetres is the voxel there", async () => {
  const { affine } = await readVolume(at("ct.nii.gz"));
  const mm = [0, 1, 2].map(
    (row) => affine[4 * row]! * 3 + affine[4 * row + 1]! * 4 + affine[4 * row + 2]! * 2 + affine[4 * row + 3]!,
  );
  const weights = ["--weights", at("sam.safetensors")];
  await result("prompt", at("ct.nii.gz"), "--point", "3,4,2", ...weights, "-o", at("voxels"));
  const event = await result("prompt", at("ct.nii.gz"), "--mm", "--point", mm.join(","), ...weights, "-o", at("mm"));
  expect(event).toMatchObject({ prompted: [2] });
  expect((await readVolume(at("mm", "labels.nii.gz"))).data).toEqual(
    (await readVolume(at("voxels", "labels.nii.gz"))).data,
  );
});

describe("rfmedsam everything", () => {
  test("writes labels, run lengths and an overlay", async () => {
    const loose = ["--points-per-side", "3", "--pred-iou-thresh", "0", "--stability-score-thresh", "0"];
    const args = ["everything", at("disc.png"), ...loose, "--weights", at("sam2.safetensors")];
    const event = await result(...args, "-o", at("everything"));
    expect(event.masks).toBeGreaterThan(0);
    const list = JSON.parse(await readFile(at("everything", "masks.json"), "utf8")) as {
      label: number;
      area: number;
    }[];
    expect(list).toHaveLength(event.masks as number);
    expect(list[0]).toMatchObject({ label: 1, bbox: expect.any(Array) });
    expect(await readPicture(at("everything", "labels.png"))).toMatchObject({ height: 48, width: 64 });
    expect((await run(...args, "--format", "coco", "-o", at("coco"))).code).toBe(0);
    const coco = JSON.parse(await readFile(at("coco", "masks.json"), "utf8")) as {
      segmentation: { counts: unknown };
    }[];
    expect(typeof coco[0]?.segmentation.counts).toBe("string");
  });
});

describe("mistakes end with 2 and one paragraph that says what is wrong", () => {
  const png = () => at("disc.png");
  const ct = () => at("ct.nii.gz");
  test.each<[string, () => string[], RegExp]>([
    ["a click outside the picture", () => [png(), "--point", "64.5,3"], /\(64\.5, 3\)/],
    ["an empty box", () => [png(), "--box", "5,5,5,9"], /x0 < x1/],
    ["a mask of another size", () => [ct(), "--mask", `${png()}:1`], /64×48 pixels/],
    ["a mask that is not there", () => [png(), "--mask", at("none.png")], /does not exist/],
    ["a slice that is not there", () => [ct(), "--box", "1,1,4,4,99"], /slice 99/],
    ["a click outside the volume", () => [ct(), "--point", "1,1,999"], /\(1, 1, 999\)/],
    ["two coordinates in a volume", () => [ct(), "--point", "1,1"], /three voxel indices/],
    ["a series of a picture", () => [png(), "--point", "1,1", "--series", "1"], /--series with a picture/],
    ["an axis of a picture", () => [png(), "--point", "1,1", "--axis", "coronal"], /--axis with a picture/],
    [
      "weights of another model",
      () => [png(), "--point", "1,1", "--model", "sam_vit_b"],
      /do not fit.*expected sam_vit_b/,
    ],
    ["a model that there is not", () => [png(), "--point", "1,1", "--model", "sam9"], /no model "sam9"/],
    ["slice 0 of a picture", () => [png(), "--point", "1,1", "--slice", "0"], /--slice with a picture/],
    ["no propagation in a picture", () => [png(), "--point", "1,1", "--no-propagate"], /--no-propagate with a picture/],
    ["a slice that nothing is on", () => [ct(), "--point", "1,1,1", "--slice", "99"], /prompts on slice 99/],
    [
      "an impossible image size",
      () => [png(), "--point", "1,1", "--image-size", "65"],
      /^rfmedsam: --image-size: is 65 and must be a multiple of 32\.$/m,
    ],
    [
      "an image size that no memory holds",
      () => [png(), "--point", "1,1", "--image-size", "1000000000"],
      /--image-size: is 1000000000 and must be at most/,
    ],
    ["a file for a folder", () => [png(), "--point", "1,1", "--output", png()], /disc\.png: is not a folder/],
    ["a folder in a file", () => [ct(), "--point", "1,1,1", "--output", join(png(), "a", "b")], /disc\.png: is not a/],
    ["a file that is neither", () => [at("sam.safetensors"), "--point", "1,1,1"], /sam\.safetensors/],
    ["an input that is not there", () => [at("none.png"), "--point", "1,1"], /does not exist/],
  ])("%s", async (_, args, message) => {
    const { code, out, err } = await run("prompt", "-o", at("never"), "--weights", at("sam2.safetensors"), ...args());
    expect([code, out]).toEqual([2, ""]);
    expect(err).toMatch(message);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  });

  test("a damaged picture", async () => {
    await writeFile(at("cut.png"), encodePng(disc).subarray(0, 60));
    const { code, err } = await run(
      "prompt",
      at("cut.png"),
      "--point",
      "1,1",
      "--weights",
      at("sam2.safetensors"),
      "-o",
      at("never"),
    );
    expect([code, err]).toEqual([
      2,
      expect.stringMatching(/cut\.png: a PNG picture that ends too early|ends after the file/),
    ]);
  });
});
