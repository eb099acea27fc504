/**
 * Answers that need no network: how far a prompt alone goes. No table of prompted results is honest without them beside it.
 *
 *   box ──► all of it, or the ellipse inscribed in it          click ──► a disc of the training set's mean radius
 *
 * Pixels belong to a shape when their centre does. Boxes are `x0 y0 x1 y1` with x1 and y1 one past the last pixel; clicks are pixels `(x, y)`
 * (integer = pixel centre).
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { BinaryMask } from "./prompt-simulation.js";

type PictureSize = Pick<BinaryMask, "height" | "width">;

/** @param box four numbers @throws GeometryError when it is no box */
export function filledBox(box: ArrayLike<number>, size: PictureSize): BinaryMask {
  checkBox(box);
  return painted(size, box, () => true);
}

/** @param box four numbers @throws GeometryError when it is no box */
export function inscribedEllipse(box: ArrayLike<number>, size: PictureSize): BinaryMask {
  checkBox(box);
  const [x0, y0, x1, y1] = [box[0]!, box[1]!, box[2]!, box[3]!];
  return painted(size, box, (x, y) => ((2 * x - x0 - x1) / (x1 - x0)) ** 2 + ((2 * y - y0 - y1) / (y1 - y0)) ** 2 <= 1);
}

/** @param radius in pixels @throws GeometryError when the click or the radius is none */
export function discAround([x, y]: readonly [x: number, y: number], radius: number, size: PictureSize): BinaryMask {
  if (!Number.isFinite(x) || !Number.isFinite(y) || !(radius >= 0 && Number.isFinite(radius))) {
    throw new GeometryError({ found: `a disc of radius ${radius} round ${x}, ${y}`, expected: "finite numbers" });
  }
  const [cx, cy] = [x + 0.5, y + 0.5];
  const box = [cx - radius, cy - radius, cx + radius, cy + radius];
  return painted(size, box, (px, py) => (px - cx) ** 2 + (py - cy) ** 2 <= radius * radius);
}

/**
 * The mean, over a training set's masks, of the radius of a disc of the same area.
 *
 * @param areas in pixels of the network's input
 * @throws ConfigError when there are none, or one is no area
 */
export function meanRadius(areas: readonly number[]): number {
  const odd = areas.find((area) => !(area > 0 && Number.isFinite(area)));
  if (areas.length === 0 || odd !== undefined) {
    throw new ConfigError({
      found: odd === undefined ? "no masks to take a mean radius of" : `a mask of ${odd} pixels`,
      expected: "masks of at least one pixel",
    });
  }
  return areas.reduce((sum, area) => sum + Math.sqrt(area / Math.PI), 0) / areas.length;
}

function checkBox(box: ArrayLike<number>): void {
  const [x0, y0, x1, y1] = Array.from(box);
  if (box.length === 4 && Array.from(box).every(Number.isFinite) && x1! > x0! && y1! > y0!) return;
  throw new GeometryError({
    found: `the box ${Array.from(box).join(" ")}`,
    expected: "finite x0 y0 x1 y1 with x0 < x1 and y0 < y1",
  });
}

/** The pixels with their centre in the box, its edges included, and in the shape. */
function painted(
  { height, width }: PictureSize,
  box: ArrayLike<number>,
  inside: (x: number, y: number) => boolean,
): BinaryMask {
  if (!(Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0)) {
    throw new GeometryError({ found: `a picture of ${height}×${width} pixels`, expected: "at least one pixel" });
  }
  const data = new Uint8Array(height * width);
  const [left, right] = centresWithin(box[0]!, box[2]!, width);
  const [top, bottom] = centresWithin(box[1]!, box[3]!, height);
  for (let y = top; y <= bottom; y++) {
    for (let x = left; x <= right; x++) if (inside(x + 0.5, y + 0.5)) data[y * width + x] = 1;
  }
  return { height, width, data };
}

/** First and last pixel whose centre lies between two edges, both included. */
function centresWithin(low: number, high: number, extent: number): [number, number] {
  return [Math.max(0, Math.ceil(low - 0.5)), Math.min(extent - 1, Math.floor(high - 0.5))];
}
