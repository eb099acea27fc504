/** What is said about slices that do not lie evenly behind each other: gaps, missing slices, a tilted gantry. */
import type { Point } from "../../geometry.js";
import { distance, dot, length, minus, scaled } from "./vectors.js";

/** Positions that do not lie evenly on a line. */
export function unevenness(positions: readonly Point[], step: Point, normal: Point): string[] {
  const even = positions.map((_, k): Point => {
    const [x, y, z] = scaled(step, k);
    return [positions[0]![0] + x, positions[0]![1] + y, positions[0]![2] + z];
  });
  const off = Math.max(...positions.map((position, k) => distance(position, even[k]!)));
  const mean = length(step);
  if (positions.length < 3 || off <= 0.02 * mean + 0.01) return [];
  const gaps = positions.slice(1).map((position, k) => dot(minus(position, positions[k]!), normal));
  const usual = median(gaps)!;
  const mm = (value: number) => `${Number(value.toFixed(3))} mm`;
  const holes = gaps.flatMap((gap, k) => {
    const missing = Math.round(gap / usual) - 1;
    return missing > 0 && Math.abs(gap / usual - missing - 1) < 0.1 ? [{ k, missing }] : [];
  });
  const rest = gaps.filter((_, k) => !holes.some((hole) => hole.k === k));
  const onlyHoles = holes.length > 0 && rest.every((gap) => Math.abs(gap - usual) <= 0.04 * usual + 0.01);
  const found = onlyHoles
    ? `${counted(holes.reduce((sum, { missing }) => sum + missing, 0))} to be missing (after slice ` +
      `${holes.map(({ k }) => k + 1).join(", ")} of ${positions.length}; the usual distance is ${mm(usual)})`
    : `The slices lie unevenly (${mm(Math.min(...gaps))} to ${mm(Math.max(...gaps))} apart, usually ${mm(usual)})`;
  return [
    `${found}. The slices were kept as they are and placed ${mm(mean)} apart from the first to the last; ` +
      `single slices are up to ${mm(off)} from their true place.`,
  ];
}

/** A step that does not run along the normal. */
export function tilt(count: number, step: Point, normal: Point, pixel: number): string[] {
  const sideways = length(minus(step, scaled(normal, dot(step, normal))));
  // Rounded directions drift, too; less than half a pixel over the whole stack is no tilt.
  if (sideways * (count - 1) <= pixel / 2) return [];
  const angle = (Math.atan2(sideways, dot(step, normal)) * 180) / Math.PI;
  return [
    `The slices are tilted by ${angle.toFixed(1)}° against the direction in which they follow each other (gantry tilt). The true ` +
      "slanted grid was kept: the image is not resampled, and its axes are not at right angles.",
  ];
}

function counted(missing: number): string {
  return missing === 1 ? "One slice seems" : `${missing} slices seem`;
}

export function median(values: readonly number[]): number | undefined {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
