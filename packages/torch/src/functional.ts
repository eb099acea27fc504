/** Functions over tensors, `F`: the generated operators that are no methods, and those that choose among several of them. */
import { EngineError } from "@rfmedsam/base";
import {
  upsampleBicubic2d,
  upsampleBicubic2dAntialias,
  upsampleBilinear2d,
  upsampleBilinear2dAntialias,
  upsampleNearest1d,
  upsampleNearest2d,
  upsampleNearest3d,
  upsampleTrilinear3d,
} from "./generated/operators.js";
import type { Tensor } from "./tensor.js";

export * from "./generated/operators.js";

export type InterpolationMode = "nearest" | "bilinear" | "bicubic" | "trilinear";

export interface InterpolateOptions {
  /** Spatial extents of the result. Either this or `scaleFactor`. */
  readonly size?: readonly number[];
  readonly scaleFactor?: number | readonly number[];
  readonly mode?: InterpolationMode;
  readonly alignCorners?: boolean;
  /** Low-pass before shrinking (bilinear and bicubic in 2D only). */
  readonly antialias?: boolean;
}

/** One row a combination of mode and spatial dimensions. */
const resizers: Readonly<
  Record<string, (x: Tensor, size: readonly number[] | null, align: boolean, factors?: readonly number[]) => Tensor>
> = {
  nearest1: (x, size, _align, factors) => upsampleNearest1d(x, size, factors),
  nearest2: (x, size, _align, factors) => upsampleNearest2d(x, size, factors),
  nearest3: (x, size, _align, factors) => upsampleNearest3d(x, size, factors),
  bilinear2: upsampleBilinear2d,
  bicubic2: upsampleBicubic2d,
  trilinear3: upsampleTrilinear3d,
  bilinear2antialias: upsampleBilinear2dAntialias,
  bicubic2antialias: upsampleBicubic2dAntialias,
};

/** Resizes the spatial dimensions of `[B, C, …]`. */
export function interpolate(
  x: Tensor,
  { size, scaleFactor, mode = "nearest", alignCorners = false, antialias = false }: InterpolateOptions,
): Tensor {
  const spatial = x.ndim - 2;
  const resize = resizers[`${mode}${spatial}${antialias ? "antialias" : ""}`];
  if (resize === undefined || (size === undefined) === (scaleFactor === undefined)) {
    throw new EngineError({
      found: `interpolate with mode ${mode}${antialias ? " and antialiasing" : ""}, ${spatial} spatial dimensions, ${size ? "a size" : "no size"} and ${scaleFactor ? "a scale factor" : "no scale factor"}`,
      expected: `one of ${Object.keys(resizers).join(", ")}, with either size or scaleFactor`,
    });
  }
  const factors = typeof scaleFactor === "number" ? new Array<number>(spatial).fill(scaleFactor) : scaleFactor;
  return resize(x, size ?? null, alignCorners, factors);
}
