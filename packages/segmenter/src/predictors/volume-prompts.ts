/** What a person may ask of one slice of a volume, checked and turned into the network's terms. */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { ObjectPrompts } from "../networks.js";
import { resampleGrid } from "../slices.js";
import { pictureRules } from "./picture.js";
import { objectPrompts, type PicturePrompts } from "./picture-prompts.js";
import type { SliceSource } from "./volume-slices.js";

/** Clicks and a box; coordinates are (x, y) of the slice, from 0 to its width and height. */
export interface SlicePointPrompts extends Pick<PicturePrompts, "points" | "labels" | "box" | "normalised"> {
  /** Instead of the prompts the slice has (the default), or in addition to them. A box always comes first, hence never in addition. */
  readonly clearOld?: boolean | undefined;
}

/** Prompts of one object in pixels of the input. */
export type InputPoints = Pick<ObjectPrompts, "boxes" | "points">;

/**
 * @param before prompts the slice has
 * @throws ConfigError for prompts that make no sense or lie outside the slice, and for a box in addition to other prompts
 */
export function pointPrompts(
  prompts: SlicePointPrompts,
  size: Pick<SliceSource, "height" | "width">,
  imageSize: number,
  before: InputPoints | undefined,
): InputPoints {
  const { points = [], labels = [], box, normalised, clearOld = true } = prompts;
  if (points.length === 0 && box === undefined && labels.length === 0) {
    throw new ConfigError({ found: "neither a click nor a box", expected: "at least one of them" });
  }
  if (box !== undefined && !clearOld) {
    throw new ConfigError({
      found: "a box in addition to the slice's prompts",
      expected: "clicks only, or the box instead of the prompts",
      hint: "a box comes before all clicks: give it with `clearOld`, and the clicks along with it",
    });
  }
  const frame = { size, rule: pictureRules.sam2, imageSize, maskSize: imageSize / 4 };
  const asked = objectPrompts({ points, labels, box, normalised }, frame);
  return clearOld || before === undefined ? asked : joined(before, asked);
}

/** How many points the prompts are to the network; a box is two. */
export function countPoints({ boxes, points }: InputPoints): number {
  return (boxes === undefined ? 0 : 2) + (points?.perObject ?? 0);
}

function joined(before: InputPoints, { points: added }: InputPoints): InputPoints {
  const { boxes, points } = before;
  if (points === undefined || added === undefined) return { ...(boxes && { boxes }), points: added ?? points! };
  return {
    ...(boxes && { boxes }),
    points: {
      coords: Float32Array.of(...points.coords, ...added.coords),
      labels: Int32Array.of(...points.labels, ...added.labels),
      perObject: points.perObject + added.perObject,
    },
  };
}

/**
 * A mask of a slice brought to the input: antialiased, then everything that is at least half covered.
 *
 * @param mask `[height, width]`, 0 or 1 @returns `[S, S]`, 0 or 1
 * @throws GeometryError for a mask of another size, ConfigError for other values
 */
export function maskToInput(
  mask: ArrayLike<number>,
  { height, width }: Pick<SliceSource, "height" | "width">,
  imageSize: number,
): Float32Array {
  if (mask.length !== height * width) {
    throw new GeometryError({
      found: `a mask of ${mask.length} values`,
      expected: `one for each of the slice's ${height}×${width} voxels`,
    });
  }
  const given = Float32Array.from(mask);
  const wrong = given.findIndex((value) => value !== 0 && value !== 1);
  if (wrong !== -1) {
    throw new ConfigError({ found: `a mask with the value ${mask[wrong]} at index ${wrong}`, expected: "0 or 1" });
  }
  if (height === imageSize && width === imageSize) return given;
  return resizedTo(given, height, width, imageSize).map((covered) => (covered >= 0.5 ? 1 : 0));
}

/** The mask as a prompt of the decoder, for models that do not take it as the answer. @returns `[S / 4, S / 4]` */
export function maskAsPrompt(mask: Float32Array, imageSize: number, maskSize: number): Float32Array {
  return resizedTo(mask, imageSize, imageSize, maskSize);
}

function resizedTo(picture: Float32Array, height: number, width: number, size: number): Float32Array {
  return resampleGrid(picture, [height, width], [size, size], [height / size, width / size]);
}
