/** What a person may ask of a picture or a volume: prompts, each for one of several objects. */
import { ConfigError } from "@rfmedsam/base";
import type { MaskPicture } from "@rfmedsam/imaging";

export interface PointPrompt {
  /** Which object, from 1. */
  readonly object: number;
  /** (x, y) of a picture; voxel indices (i, j, k) of a volume as it is stored, from 0. */
  readonly at: readonly number[];
  /** 1 on the object, 0 off it. */
  readonly label: 0 | 1;
}

export interface BoxPrompt {
  readonly object: number;
  /** First and last column and row: (x, y) of a picture, or the two voxel indices of a volume that are not its slice's, the lower first. */
  readonly box: readonly [x0: number, y0: number, x1: number, y1: number];
  /** Of a volume. */
  readonly slice?: number | undefined;
}

export interface MaskPrompt {
  readonly object: number;
  /** Of the picture's size, or of the slice's. */
  readonly mask: MaskPicture;
  /** Of a volume. */
  readonly slice?: number | undefined;
}

export interface GivenPrompts {
  readonly points?: readonly PointPrompt[] | undefined;
  readonly boxes?: readonly BoxPrompt[] | undefined;
  readonly masks?: readonly MaskPrompt[] | undefined;
}

/** All that is asked of one object in one picture, coordinates (x, y) in its pixels. */
export interface ObjectQuestion {
  readonly object: number;
  readonly points: readonly (readonly [x: number, y: number])[];
  /** One per point. */
  readonly labels: readonly (0 | 1)[];
  readonly box: readonly [number, number, number, number] | undefined;
  readonly mask: MaskPicture | undefined;
}

/** A prompt brought to its picture. */
export type PlacedPrompt = { readonly object: number } & (
  | { readonly kind: "point"; readonly at: readonly [number, number]; readonly label: 0 | 1 }
  | { readonly kind: "box"; readonly box: readonly [number, number, number, number] }
  | { readonly kind: "mask"; readonly mask: MaskPicture }
);

/**
 * One question per object, by the objects' numbers.
 *
 * @param where is asked, for messages
 * @throws ConfigError for a second box or mask of an object
 */
export function questionsOf(prompts: readonly PlacedPrompt[], where = ""): ObjectQuestion[] {
  const objects = [...new Set(prompts.map(({ object }) => object))].sort((a, b) => a - b);
  return objects.map((object) => {
    const own = prompts.filter((prompt) => prompt.object === object);
    const points = own.flatMap((prompt) => (prompt.kind === "point" ? [prompt] : []));
    const boxes = own.flatMap((prompt) => (prompt.kind === "box" ? [prompt.box] : []));
    const masks = own.flatMap((prompt) => (prompt.kind === "mask" ? [prompt.mask] : []));
    atMostOne("boxes", boxes.length, object, where);
    atMostOne("masks", masks.length, object, where);
    return {
      object,
      points: points.map(({ at }) => at),
      labels: points.map(({ label }) => label),
      box: boxes[0],
      mask: masks[0],
    };
  });
}

function atMostOne(what: string, count: number, object: number, where: string): void {
  if (count < 2) return;
  throw new ConfigError({
    found: `${count} ${what} for object ${object}${where}`,
    expected: "one at most",
    hint: "give each object a number of its own",
  });
}

/** @throws ConfigError when nothing is asked */
export function checkAsked(prompts: readonly unknown[]): void {
  if (prompts.length > 0) return;
  throw new ConfigError({ found: "no prompt", expected: "at least one point, box or mask" });
}

/** @throws ConfigError for an empty box */
export function checkedBox(box: BoxPrompt["box"]): BoxPrompt["box"] {
  const [x0, y0, x1, y1] = box;
  if (x0 < x1 && y0 < y1) return box;
  throw new ConfigError({ found: `a box [${box.join(", ")}]`, expected: "x0, y0, x1, y1 with x0 < x1 and y0 < y1" });
}
