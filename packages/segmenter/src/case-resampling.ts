/** Resampling between a case's own grid and the prepared one, the coarse axis apart where nnU-Net does so, to its nearest slice. */
import { resampleImage, resampleLabels, type SeparateAxis, separateAxisOf, type Triple } from "@rfmedsam/imaging";

export interface GridChange {
  readonly shape: Triple;
  readonly newShape: Triple;
  /** `[z, y, x]` mm, of the old and of the new grid. */
  readonly spacing: Triple;
  readonly newSpacing: Triple;
}

export function inverseChange({ shape, newShape, spacing, newSpacing }: GridChange): GridChange {
  return { shape: newShape, newShape: shape, spacing: newSpacing, newSpacing: spacing };
}

/**
 * @param order spline order: 3 for images, 1 for scores
 * @returns a new array, or `data` itself when the grid stays
 */
export function resampleScalars(data: Float32Array, change: GridChange, order: 1 | 3): Float32Array {
  if (sameShape(change)) return data;
  return resampleImage(data, change.shape, change.newShape, order, separateOf(change));
}

/** Label by label, linear and cut at one half. @returns a new array, or `data` itself when the grid stays */
export function resampleLabelMap(data: Uint8Array, change: GridChange): Uint8Array {
  if (sameShape(change)) return data;
  return resampleLabels(data, change.shape, change.newShape, { order: 1, separate: separateOf(change) });
}

function separateOf({ spacing, newSpacing }: GridChange): SeparateAxis | undefined {
  const axis = separateAxisOf(spacing, newSpacing);
  return axis === undefined ? undefined : { axis, order: 0 };
}

function sameShape({ shape, newShape }: GridChange): boolean {
  return shape.every((size, axis) => size === newShape[axis]);
}
