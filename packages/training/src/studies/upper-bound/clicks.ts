/**
 * Clicks of a person who knows the truth, as SAM 2 is evaluated: in the middle of the larger error, which is where the distance to its
 * border is greatest; on the object where something is missing, off it where too much is there. The first click meets an empty prediction.
 *
 * Source: SAM 2, `sample_one_point_from_error_center`, which clicks (0, 0) off the object when nothing is wrong; here there is no click then.
 */
import { GeometryError } from "@rfmedsam/base";
import { distanceTransform } from "@rfmedsam/imaging";

/** A picture's size in pixels. */
export interface Extent {
  readonly height: number;
  readonly width: number;
}

export interface Click {
  /** x, y of a pixel. */
  readonly at: readonly [x: number, y: number];
  /** 1 on the object, 0 off it. */
  readonly label: 0 | 1;
}

/**
 * @param truth `[h, w]`, not 0 inside @param prediction the same; nothing unless given
 * @returns undefined when nothing is wrong
 * @throws GeometryError for masks of another size
 */
export function nextClick(truth: Uint8Array, size: Extent, prediction?: Uint8Array): Click | undefined {
  const pixels = size.height * size.width;
  const wrong = [truth, prediction ?? truth].find(({ length }) => length !== pixels);
  if (wrong !== undefined) {
    throw new GeometryError({
      found: `a mask of ${wrong.length} pixels`,
      expected: `one for each of the ${size.height}×${size.width}`,
    });
  }
  const found = (at: number) => prediction !== undefined && prediction[at] !== 0;
  const missing = deepest(size, (at) => truth[at] !== 0 && !found(at));
  const surplus = deepest(size, (at) => truth[at] === 0 && found(at));
  const deeper = missing.depth > surplus.depth ? missing : surplus;
  return deeper.depth === 0 ? undefined : { at: deeper.at, label: deeper === missing ? 1 : 0 };
}

interface Deepest {
  readonly at: readonly [x: number, y: number];
  /** Pixels to the nearest one outside; 0 if there is none inside. */
  readonly depth: number;
}

/** The first pixel, in array order, that is farthest from the border; beyond the picture nothing belongs to the region. */
function deepest({ height, width }: Extent, inside: (at: number) => boolean): Deepest {
  const line = width + 2;
  const padded = new Uint8Array(line * (height + 2));
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) if (inside(at)) padded[(y + 1) * line + x + 1] = 1;
  }
  const distances = distanceTransform(padded, [1, height + 2, line]);
  const at = distances.reduce((best, distance, here) => (distance > distances[best]! ? here : best), 0);
  return { at: [(at % line) - 1, Math.floor(at / line) - 1], depth: distances[at]! };
}
