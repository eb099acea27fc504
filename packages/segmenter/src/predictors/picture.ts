/**
 * How a picture goes into each family of networks, and how masks come back: one row per family.
 *
 *                 input [3, S, S]                                              masks [m, m] ─► [H, W]
 *   sam2          0 … 1, antialiased bilinear to S × S, normalised             bilinear
 *   sam           longest side to S as Pillow does, normalised, zeros          bilinear to S × S, padding cut off, bilinear
 *                 to the right and below
 *   sam-med2d     normalised, nearest pixel to S × S                           bilinear to S × S, bilinear
 *
 * Source: `SAM2ImagePredictor` and `SAM2Transforms` (SAM 2), `SamPredictor` and `ResizeLongestSide` (SAM), `SammedPredictor` (SAM-Med2D).
 */
import { checkPicture, imagenet, type RgbPicture } from "@rfmedsam/imaging";
import { resampleGrid } from "../slices.js";
import { resizeBilinear } from "./bilinear.js";
import { resizePillow } from "./pillow-resize.js";

export type PictureSize = Pick<RgbPicture, "height" | "width">;
/** (x, y): column and row, pixel centres at integers. */
export type PicturePoint = readonly [x: number, y: number];

export interface PictureRule {
  /**
   * @param imageSize side S of the network's input @returns `[3, S, S]`
   * @throws GeometryError when the picture's sizes and data do not fit
   */
  prepare(picture: RgbPicture, imageSize: number): Float32Array;
  /** Pixels of the picture → pixels of the input. */
  pointToInput(point: PicturePoint, size: PictureSize, imageSize: number): [x: number, y: number];
  /** @param logits `[count, maskSize, maskSize]` @returns `[count, height, width]` */
  toPicture(logits: Float32Array, count: number, maskSize: number, size: PictureSize, imageSize: number): Float32Array;
  /** Logits above it are foreground. */
  readonly threshold: number;
  /** The low-resolution logits handed out, to be the next mask prompt, are kept within ± this. */
  readonly lowResLimit: number;
  /** What becomes of several candidates: all are answers, or the one with the highest predicted IoU is. */
  readonly candidates: "all" | "best";
}
export type PictureRuleName = "sam2" | "sam" | "sam-med2d";

/** SAM writes ImageNet's statistics for 0 … 255, SAM 2 for 0 … 1. */
const { byte: bytes, unit } = imagenet;

export const pictureRules: { readonly [Name in PictureRuleName]: PictureRule } = {
  sam2: {
    prepare(picture, imageSize) {
      checkPicture(picture);
      const { height, width, data } = picture;
      const pixels = imageSize ** 2;
      const out = new Float32Array(3 * pixels);
      const plane = new Float32Array(height * width);
      for (let colour = 0; colour < 3; colour++) {
        for (let i = 0; i < plane.length; i++) plane[i] = data[3 * i + colour]! / 255;
        const ratio = [height / imageSize, width / imageSize] as const;
        const resized = resampleGrid(plane, [height, width], [imageSize, imageSize], ratio);
        const [mean, deviation] = [unit.mean[colour]!, unit.deviation[colour]!];
        for (let i = 0; i < pixels; i++) out[colour * pixels + i] = (resized[i]! - mean) / deviation;
      }
      return out;
    },
    pointToInput: ([x, y], { height, width }, imageSize) => [(x / width) * imageSize, (y / height) * imageSize],
    toPicture: (logits, count, maskSize, { height, width }) =>
      resizeBilinear(logits, count, [maskSize, maskSize], [height, width]),
    threshold: 0,
    lowResLimit: 32,
    candidates: "all",
  },

  sam: {
    prepare(picture, imageSize) {
      checkPicture(picture);
      const { height, width, data } = picture;
      const [rows, columns] = longestSideTo(imageSize, picture);
      return normaliseAndPad(
        resizePillow(data, [height, width, 3], [rows, columns], "bilinear"),
        rows,
        columns,
        imageSize,
      );
    },
    pointToInput([x, y], size, imageSize) {
      const [rows, columns] = longestSideTo(imageSize, size);
      return [x * (columns / size.width), y * (rows / size.height)];
    },
    toPicture(logits, count, maskSize, size, imageSize) {
      const [rows, columns] = longestSideTo(imageSize, size);
      const cut = { top: 0, left: 0, height: rows, width: columns };
      const masks = resizeBilinear(logits, count, [maskSize, maskSize], [imageSize, imageSize], cut);
      return resizeBilinear(masks, count, [rows, columns], [size.height, size.width]);
    },
    threshold: 0,
    lowResLimit: Number.POSITIVE_INFINITY,
    candidates: "all",
  },

  "sam-med2d": {
    prepare(picture, imageSize) {
      checkPicture(picture);
      const { height, width, data } = picture;
      const pixels = imageSize ** 2;
      const out = new Float32Array(3 * pixels);
      const rows = nearestPixels(height, imageSize);
      const columns = nearestPixels(width, imageSize);
      const tables = [0, 1, 2].map(normalisedBytes);
      for (let row = 0, to = 0; row < imageSize; row++) {
        for (let column = 0; column < imageSize; column++, to++) {
          const at = 3 * (rows[row]! * width + columns[column]!);
          for (let colour = 0; colour < 3; colour++) out[colour * pixels + to] = tables[colour]![data[at + colour]!]!;
        }
      }
      return out;
    },
    pointToInput: ([x, y], { height, width }, imageSize) => [x * (imageSize / width), y * (imageSize / height)],
    toPicture(logits, count, maskSize, { height, width }, imageSize) {
      const masks = resizeBilinear(logits, count, [maskSize, maskSize], [imageSize, imageSize]);
      return resizeBilinear(masks, count, [imageSize, imageSize], [height, width]);
    },
    // sigmoid(logit) > 0.5 in float32: up to here 1 / (1 + exp(-logit)) is rounded to 0.5
    threshold: 1.5 * 2 ** -24,
    lowResLimit: Number.POSITIVE_INFINITY,
    candidates: "best",
  },
};

/**
 * Masks as SAM-Med2D's evaluation brings them back, which is not its predictor's way: its test pictures are padded around the middle
 * when both their sides are below S (so the middle is cut out again) and resized otherwise.
 *
 * @param logits `[count, maskSize, maskSize]` @returns `[count, height, width]`
 */
export function evaluationMasks(
  logits: Float32Array,
  count: number,
  maskSize: number,
  { height, width }: PictureSize,
  imageSize: number,
): Float32Array {
  const from = [maskSize, maskSize] as const;
  const input = [imageSize, imageSize] as const;
  if (height < imageSize && width < imageSize) {
    const [top, left] = [Math.floor((imageSize - height) / 2), Math.floor((imageSize - width) / 2)];
    return resizeBilinear(logits, count, from, input, { top, left, height, width });
  }
  return resizeBilinear(resizeBilinear(logits, count, from, input), count, input, [height, width]);
}

/** Rows and columns of a picture whose longest side is brought to `imageSize`; halves go up, and a sliver keeps one pixel. */
function longestSideTo(imageSize: number, { height, width }: PictureSize): [rows: number, columns: number] {
  const scale = imageSize / Math.max(height, width);
  const side = (length: number) => Math.max(1, Math.floor(length * scale + 0.5));
  return [side(height), side(width)];
}

/** `[rows, columns, 3]` 0 … 255 → `[3, S, S]`: normalised, then zeros to the right and below. */
function normaliseAndPad(
  data: Uint8Array | Uint8ClampedArray,
  rows: number,
  columns: number,
  imageSize: number,
): Float32Array {
  const out = new Float32Array(3 * imageSize ** 2);
  for (let colour = 0; colour < 3; colour++) {
    const table = normalisedBytes(colour);
    for (let row = 0, at = colour; row < rows; row++) {
      const to = (colour * imageSize + row) * imageSize;
      for (let column = 0; column < columns; column++, at += 3) out[to + column] = table[data[at]!]!;
    }
  }
  return out;
}

/** What each of the 256 values of a colour becomes, computed in float32 as the references do. */
function normalisedBytes(colour: number): Float32Array {
  const [mean, deviation] = [Math.fround(bytes.mean[colour]!), Math.fround(bytes.deviation[colour]!)];
  return Float32Array.from({ length: 256 }, (_, value) => Math.fround(value - mean) / deviation);
}

/** OpenCV's INTER_NEAREST: the old pixel under the new one's upper left corner. The double reciprocal is OpenCV's own and decides ties. */
function nearestPixels(from: number, to: number): Int32Array {
  const step = 1 / (to / from);
  return Int32Array.from({ length: to }, (_, n) => Math.min(Math.floor(n * step), from - 1));
}
