/** A mask as surface distances need it: foreground, extent and spacing, in the volume or in the plane. */
import { ConfigError, GeometryError } from "@rfmedsam/base";

export interface Mask {
  /** 0 outside, 1 inside. */
  readonly data: Uint8Array;
  /** `[z, y, x]`, or `[y, x]` for a picture, whose border is a line and not a surface. */
  readonly shape: readonly number[];
}

/**
 * @throws GeometryError unless both masks have the same two or three extents and there is one positive spacing for each; ConfigError when
 *   a mask holds anything but 0 and 1
 */
export function assertComparable(reference: Mask, prediction: Mask, spacing: readonly number[]): void {
  const { shape } = reference;
  const size = shape.reduce((product, extent) => product * extent, 1);
  if (shape.join() !== prediction.shape.join() || size !== reference.data.length || size !== prediction.data.length) {
    throw new GeometryError({
      found: `a prediction of ${describe(prediction)} and a reference of ${describe(reference)}`,
      expected: "two masks on the same grid",
    });
  }
  if (shape.length !== spacing.length || shape.length < 2 || shape.length > 3) {
    throw new GeometryError({
      found: `${spacing.length} spacings (${spacing.join(", ")} mm) for masks of ${shape.join("×")}`,
      expected: "one for each of the two or three axes",
    });
  }
  if (!spacing.every((step) => step > 0 && Number.isFinite(step))) {
    throw new GeometryError({ found: `a spacing of ${spacing.join(" × ")} mm`, expected: "positive numbers" });
  }
  for (const [name, { data }] of Object.entries({ reference, prediction })) {
    const odd = data.find((value) => value !== 0 && value !== 1);
    if (odd === undefined) continue;
    throw new ConfigError({
      found: `the ${name} holds the value ${odd}`,
      expected: "a mask of 0 and 1",
      hint: "take one label of a label map at a time",
    });
  }
}

const describe = ({ data, shape }: Mask) => `${shape.join("×")} (${data.length} values)`;

/** Both masks cut to the smallest box that holds their foreground, with a margin of background; `undefined` if there is none. */
export function cropTogether(
  reference: Mask,
  prediction: Mask,
  margin: number,
):
  | {
      readonly shape: readonly [number, number, number];
      readonly reference: Uint8Array;
      readonly prediction: Uint8Array;
    }
  | undefined {
  const [depth, height, width] = extents(reference.shape);
  const [a, b] = [reference.data, prediction.data];
  let [z0, y0, x0, z1, y1, x1] = [depth, height, width, -1, -1, -1];
  for (let z = 0, at = 0; z < depth; z++) {
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++, at++) {
        if (a[at] === 0 && b[at] === 0) continue;
        if (x < x0) x0 = x;
        if (x > x1) x1 = x;
        if (y < y0) y0 = y;
        if (y > y1) y1 = y;
        if (z < z0) z0 = z;
        z1 = z;
      }
    }
  }
  if (z1 < 0) return undefined;
  const around = reference.shape.length === 3 ? margin : 0;
  const shape = [z1 - z0 + 1 + 2 * around, y1 - y0 + 1 + 2 * margin, x1 - x0 + 1 + 2 * margin] as const;
  const cut = (data: Uint8Array) => {
    const out = new Uint8Array(shape[0] * shape[1] * shape[2]);
    for (let z = z0; z <= z1; z++) {
      for (let y = y0; y <= y1; y++) {
        const from = (z * height + y) * width;
        const to = ((z - z0 + around) * shape[1] + y - y0 + margin) * shape[2] + margin;
        for (let x = x0; x <= x1; x++) out[to + x - x0] = data[from + x] === 0 ? 0 : 1;
      }
    }
    return out;
  };
  return { shape, reference: cut(a), prediction: cut(b) };
}

/** A picture is a volume of one slice. */
export function extents(shape: readonly number[]): [number, number, number] {
  return shape.length === 2 ? [1, shape[0]!, shape[1]!] : (shape as [number, number, number]);
}
