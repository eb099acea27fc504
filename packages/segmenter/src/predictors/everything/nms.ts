/**
 * Non-maximum suppression of boxes: of boxes that overlap much, the best stays.
 *
 * The rule is torchvision's, to the bit: areas and IoUs in float32, a box goes when its IoU with a kept one is greater than the
 * threshold. Two boxes without area (masks one pixel wide) have no IoU and never suppress each other.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";

/** First and last pixel of a mask; `0 0 0 0` for an empty one. */
export type MaskBox = readonly [left: number, top: number, right: number, bottom: number];

const { fround } = Math;

/**
 * @param boxes as `MaskBox`, or any boxes from a first to a second corner
 * @param scores one per box; equal scores keep the order of the list
 * @param threshold 0 … 1
 * @returns the kept boxes' positions in the list, best first
 * @throws GeometryError for corners that are no numbers, ConfigError for scores or a threshold that are none
 */
export function suppressBoxes(boxes: readonly MaskBox[], scores: readonly number[], threshold: number): number[] {
  check(boxes, scores, threshold);
  const count = boxes.length;
  const order = Array.from(boxes.keys()).sort((a, b) => scores[b]! - scores[a]! || a - b);
  // Sorted once, so that the inner loop walks through plain arrays.
  const corners = new Float32Array(count * 4);
  const areas = new Float32Array(count);
  order.forEach((index, n) => {
    corners.set(boxes[index]!, n * 4);
    areas[n] = fround(corners[n * 4 + 2]! - corners[n * 4]!) * fround(corners[n * 4 + 3]! - corners[n * 4 + 1]!);
  });
  const suppressed = new Uint8Array(count);
  const kept: number[] = [];
  for (let i = 0; i < count; i++) {
    if (suppressed[i] === 1) continue;
    kept.push(order[i]!);
    const [x0, y0, x1, y1] = [corners[i * 4]!, corners[i * 4 + 1]!, corners[i * 4 + 2]!, corners[i * 4 + 3]!];
    const area = areas[i]!;
    for (let j = i + 1; j < count; j++) {
      if (suppressed[j] === 1) continue;
      const width = fround(Math.min(x1, corners[j * 4 + 2]!) - Math.max(x0, corners[j * 4]!));
      const height = fround(Math.min(y1, corners[j * 4 + 3]!) - Math.max(y0, corners[j * 4 + 1]!));
      const shared = fround(Math.max(0, width) * Math.max(0, height));
      if (fround(shared / fround(fround(area + areas[j]!) - shared)) > threshold) suppressed[j] = 1;
    }
  }
  return kept;
}

function check(boxes: readonly MaskBox[], scores: readonly number[], threshold: number): void {
  if (boxes.length !== scores.length || scores.some((score) => Number.isNaN(score))) {
    throw new ConfigError({
      found: `${boxes.length} boxes with the scores ${scores.slice(0, 8).join(", ")}${scores.length > 8 ? ", …" : ""}`,
      expected: "a number for every box",
    });
  }
  if (!(threshold >= 0 && threshold <= 1)) {
    throw new ConfigError({ found: `an IoU threshold of ${threshold}`, expected: "a number from 0 to 1" });
  }
  const broken = boxes.find((box) => box.length !== 4 || !box.every(Number.isFinite));
  if (broken !== undefined) {
    throw new GeometryError({ found: `the box ${broken.join(" ")}`, expected: "four finite numbers" });
  }
}
