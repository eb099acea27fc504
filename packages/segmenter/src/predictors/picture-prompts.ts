/** What a person may ask of a picture, checked and turned into the network's terms. */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { ObjectPrompts } from "../networks.js";
import type { PicturePoint, PictureRule, PictureSize } from "./picture.js";

/** Corners of a box: x0 < x1 and y0 < y1. */
export type PictureBox = readonly [x0: number, y0: number, x1: number, y1: number];

/**
 * Prompts of one object, or of several when there are several boxes. Coordinates are pixels of the picture, (x, y), from 0 to its width
 * and height.
 */
export interface PicturePrompts {
  /** Points on and off the object. With several boxes they belong to each of the objects. */
  readonly points?: readonly PicturePoint[] | undefined;
  /** One per point: 1 on the object, 0 off it. */
  readonly labels?: readonly number[] | undefined;
  /** The box of one object. */
  readonly box?: PictureBox | undefined;
  /** The boxes of several objects, one each; instead of `box`. */
  readonly boxes?: readonly PictureBox[] | undefined;
  /** Mask logits, as `lowRes` of an earlier answer: `[m, m]` for each of the objects, or `[objects, m, m]`. */
  readonly mask?: Float32Array | undefined;
  /** The alternatives (three) instead of the single answer; the default. */
  readonly multimask?: boolean | undefined;
  /** Coordinates run from 0 to 1 over the picture instead of over its pixels. */
  readonly normalised?: boolean | undefined;
}

export interface PromptFrame {
  readonly size: PictureSize;
  readonly rule: PictureRule;
  readonly imageSize: number;
  readonly maskSize: number;
}

/**
 * @throws ConfigError without any prompt, for points, labels or boxes that make no sense or lie outside the picture, and for a mask with
 *   values that are no numbers; GeometryError for a mask of another size
 */
export function objectPrompts(prompts: PicturePrompts, frame: PromptFrame): ObjectPrompts {
  const { points = [], labels = [], box, boxes: several, mask, normalised = false } = prompts;
  if (box !== undefined && several !== undefined) {
    throw new ConfigError({ found: "both `box` and `boxes`", expected: "one of them" });
  }
  if (several?.length === 0) throw new ConfigError({ found: "an empty list of boxes", expected: "at least one box" });
  const boxes = several ?? (box === undefined ? [] : [box]);
  checkLabels(points, labels);
  if (points.length === 0 && boxes.length === 0 && mask === undefined) {
    throw new ConfigError({ found: "no prompt", expected: "at least one of points, a box and a mask" });
  }
  const count = Math.max(1, boxes.length);
  const place = placer(frame, normalised);
  const masks = mask && masksOf(mask, count, frame.maskSize);
  const corners = Float32Array.from(boxes.flatMap((corner) => placedBox(corner, place)));
  const coords = points.flatMap((point) => place(point, "a point"));
  return {
    count,
    ...(boxes.length > 0 && { boxes: corners }),
    ...(masks && { masks }),
    ...(points.length > 0 && {
      points: {
        coords: repeated(Float32Array.from(coords), count),
        labels: Int32Array.from({ length: count * labels.length }, (_, n) => labels[n % labels.length]!),
        perObject: points.length,
      },
    }),
  };
}

type Place = (point: PicturePoint, what: string) => [x: number, y: number];

/** Checks a point of the picture and takes it to the input. */
function placer({ size, rule, imageSize }: PromptFrame, normalised: boolean): Place {
  const { height, width } = size;
  const limits = normalised ? ([1, 1] as const) : ([width, height] as const);
  return (point, what) => {
    const inside = ([x, y]: PicturePoint) => x >= 0 && x <= limits[0] && y >= 0 && y <= limits[1];
    if (point.length !== 2 || !inside(point)) {
      throw new ConfigError({
        found: `${what} at (${[...point].join(", ")})`,
        expected: `(x, y) in the picture, x from 0 to ${limits[0]} and y from 0 to ${limits[1]}`,
        hint: normalised
          ? "with `normalised`, coordinates are parts of the picture's width and height"
          : "coordinates are pixels of the picture as it was given; pass `normalised` for parts of its width and height",
      });
    }
    const pixel: PicturePoint = normalised ? [point[0] * width, point[1] * height] : point;
    return rule.pointToInput(pixel, size, imageSize);
  };
}

function placedBox(box: PictureBox, place: Place): number[] {
  const [x0, y0, x1, y1] = box;
  if (box.length !== 4 || !(x0 < x1 && y0 < y1)) {
    throw new ConfigError({
      found: `a box [${[...box].join(", ")}]`,
      expected: "[x0, y0, x1, y1] with x0 < x1 and y0 < y1",
    });
  }
  return [...place([x0, y0], "a box's corner"), ...place([x1, y1], "a box's corner")];
}

function checkLabels(points: readonly PicturePoint[], labels: readonly number[]): void {
  if (labels.length !== points.length) {
    throw new ConfigError({
      found: `${labels.length} labels for ${points.length} points`,
      expected: "one label per point",
    });
  }
  const wrong = labels.find((label) => label !== 0 && label !== 1);
  if (wrong !== undefined) {
    throw new ConfigError({ found: `a label ${wrong}`, expected: "1 (on the object) or 0 (off it)" });
  }
}

function masksOf(mask: Float32Array, count: number, maskSize: number): Float32Array {
  const pixels = maskSize ** 2;
  if (mask.length !== pixels && mask.length !== count * pixels) {
    throw new GeometryError({
      found: `a mask of ${mask.length} values for ${count} ${count === 1 ? "object" : "objects"}`,
      expected: `${maskSize}×${maskSize} logits for all, or for each of them`,
      hint: "a mask prompt has the network's low resolution: pass `lowRes` of an earlier answer",
    });
  }
  const wrong = mask.findIndex((value) => !Number.isFinite(value));
  if (wrong !== -1) {
    throw new ConfigError({ found: `a mask with ${mask[wrong]} at index ${wrong}`, expected: "finite logits" });
  }
  return mask.length === count * pixels ? mask : repeated(mask, count);
}

function repeated(values: Float32Array, times: number): Float32Array {
  if (times === 1) return values;
  const out = new Float32Array(times * values.length);
  for (let n = 0; n < times; n++) out.set(values, n * values.length);
  return out;
}
