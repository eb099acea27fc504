/** The steps around the networks: resizing of pictures, small regions, masks back at their own size. */
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { cleanRegions, evaluationMasks, fillHoles, pictureRules, resizePillow } from "@rfmedsam/segmenter";
import { readSafetensors, type Tensor, tensor } from "@rfmedsam/torch";
import { expect, test } from "vitest";
import { pictures } from "../testing/predictor-reference.js";
import { caseNames, ReferenceCase } from "../testing/reference.js";
import { miniFolder } from "../testing/sam2-reference.js";

const med2dFolder = "parity/sammed2d/mini";

test("frames are resized as Pillow does, bit for bit", async () => {
  const tensors = await readSafetensors(sharedPath(miniFolder, "volume/tensors.safetensors"));
  const [given, wanted] = [tensors.get("frames_u8")!, tensors.get("frames")!];
  const [count, height, width] = given.shape as [number, number, number, number];
  const size = wanted.shape[2]!;
  for (let frame = 0; frame < count; frame++) {
    const data = given.select(0, frame).contiguous().toArray() as Uint8Array;
    const resized = resizePillow(data, [height, width, 3], [size, size], "bicubic");
    const values = wanted.select(0, frame).permute([1, 2, 0]).contiguous().toFloat32Array();
    // The reference's frames are normalised; 8-bit values lie far enough apart to be read back.
    const bytes = values.map(
      (value, i) => 255 * (value * [0.229, 0.224, 0.225][i % 3]! + [0.485, 0.456, 0.406][i % 3]!),
    );
    expect(Math.max(...bytes.map((value) => Math.abs(value - Math.round(value))))).toBeLessThan(1e-3);
    const difference = compareNumbers(`${miniFolder}/volume`, resized, bytes.map(Math.round), 0);
    expect(difference).toBe(0);
  }
});

test.each(caseNames(miniFolder, "hole_filling"))("%s: small holes and sprinkles by both rules", async (name) => {
  const reference = await ReferenceCase.read(miniFolder, name);
  const scores = reference.input("scores");
  const [masks, channels, height, width] = scores.shape as [number, number, number, number];
  const results = new Map<string, Tensor>();
  for (const [output, { shape }] of reference.outputs) {
    const [rule, areas] = output.split(".") as [string, string];
    const [first, second] = areas.split("_").map(Number) as [number, number];
    if (rule === "filled") {
      results.set(output, tensor(fillHoles(scores.toFloat32Array().slice(), height, width, first), shape));
    } else {
      const regions = { maxHoleArea: first, maxSprinkleArea: second };
      const cleaned = cleanRegions(scores.toFloat32Array(), height, width, pictureRules.sam2.threshold, regions);
      const size = { height: shape[2]!, width: shape[3]! };
      results.set(
        output,
        tensor(pictureRules.sam2.toPicture(cleaned, masks * channels, height, size, 4 * height), shape),
      );
    }
  }
  reference.expectAll(results);
});

test.each(caseNames(med2dFolder, "point_selection"))("%s: masks of an evaluation come back", async (name) => {
  const reference = await ReferenceCase.read(med2dFolder, name);
  const low = reference.input("low");
  const [count, , side] = low.shape as [number, number, number, number];
  for (const output of ["post_small", "post_large"]) {
    const wanted = reference.outputs.get(output)!;
    const size = { height: wanted.shape[2]!, width: wanted.shape[3]! };
    const masks = evaluationMasks(low.toFloat32Array(), count, side, size, 4 * side);
    const tolerance = reference.tolerance(output);
    const difference = compareNumbers(`${med2dFolder}/${name}`, masks, wanted.toFloat32Array(), tolerance);
    expect(difference, output).toBeLessThanOrEqual(tolerance);
  }
});

test.each(caseNames(med2dFolder, "predictor"))("%s: pictures become SAM-Med2D's input", async (name) => {
  const reference = await ReferenceCase.read(med2dFolder, name);
  for (const picture of pictures(reference)) {
    const wanted = reference.outputs.get(`${picture.name}.input`)!;
    const input = pictureRules["sam-med2d"].prepare(picture, wanted.shape[2]!);
    const tolerance = reference.tolerance(`${picture.name}.input`);
    const difference = compareNumbers(`${med2dFolder}/${name}`, input, wanted.toFloat32Array(), tolerance);
    expect(difference).toBeLessThanOrEqual(tolerance);
  }
});

test.each(caseNames(med2dFolder, "sam_forward"))("%s: a picture is normalised and padded as SAM does", async (name) => {
  const reference = await ReferenceCase.read(med2dFolder, name);
  const raw = reference.input("raw").toFloat32Array();
  const [, height, width] = reference.input("raw").shape as [number, number, number];
  const wanted = reference.outputs.get("preprocessed")!;
  const size = wanted.shape[2]!;
  // The case pads without resizing: columns are added so that the longest side has its size already, and left out when comparing.
  const data = new Uint8Array(height * size * 3);
  raw.forEach((value, i) => {
    const [colour, row, column] = [Math.floor(i / (height * width)), Math.floor(i / width) % height, i % width];
    data[3 * (row * size + column) + colour] = value;
  });
  const shown = (input: Float32Array) => input.filter((_, i) => i % size < width);
  const input = shown(pictureRules.sam.prepare({ height, width: size, data }, size));
  const tolerance = reference.tolerance("preprocessed");
  const difference = compareNumbers(`${med2dFolder}/${name}`, input, shown(wanted.toFloat32Array()), tolerance);
  expect(difference).toBeLessThanOrEqual(tolerance);
});
