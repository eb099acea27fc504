/** Pictures and prompts of a `PromptableNetwork` on their way to the engine: checked, then tensors. */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { ObjectPrompts } from "@rfmedsam/segmenter";
import { type Device, type Tensor, tensor } from "@rfmedsam/torch";
import { type PromptTensors, pointLabel } from "../sam2/prompt-encoder.js";

/** @returns `[count, 3, S, S]` @throws GeometryError for another number of values, ConfigError when some are no numbers */
export function pictureTensor(pictures: Float32Array, count: number, imageSize: number, device: Device): Tensor {
  const shape = [count, 3, imageSize, imageSize];
  check("pictures", pictures, shape);
  return tensor(pictures, shape, { device });
}

/**
 * @throws GeometryError when values do not fit the number of objects; ConfigError without any prompt, for values that are no numbers and
 *   labels that are none
 */
export function promptTensors(
  { count, boxes, masks, points }: ObjectPrompts,
  maskSize: number,
  device: Device,
): PromptTensors {
  if (boxes === undefined && masks === undefined && points === undefined) {
    throw new ConfigError({ found: "no prompt", expected: "at least one of points, boxes and masks" });
  }
  const made = (what: string, values: Float32Array | Int32Array | undefined, shape: number[], as = shape) => {
    if (values === undefined) return undefined;
    check(what, values, shape);
    return tensor(values, as, { device });
  };
  if (points !== undefined) checkLabels(points.labels);
  return {
    boxes: made("boxes", boxes, [count, 4]),
    masks: made("mask prompts", masks, [count, maskSize, maskSize], [count, 1, maskSize, maskSize]),
    points: points && {
      coords: made("points", points.coords, [count, points.perObject, 2])!,
      labels: made("labels", points.labels, [count, points.perObject])!,
    },
  };
}

function checkLabels(labels: Int32Array): void {
  const { padding, background, foreground } = pointLabel;
  const wrong = labels.find((label) => label !== padding && label !== background && label !== foreground);
  if (wrong === undefined) return;
  throw new ConfigError({
    found: `a point with the label ${wrong}`,
    expected: `${foreground} (on the object), ${background} (off it) or ${padding} (padding)`,
  });
}

function check(what: string, values: Float32Array | Int32Array, shape: readonly number[]): void {
  const length = shape.reduce((product, extent) => product * extent, 1);
  const counts = shape.every((extent) => Number.isInteger(extent) && extent > 0);
  if (!counts || values.length !== length) {
    throw new GeometryError({
      found: `${what}: ${values.length} values for the shape [${shape.join(", ")}]`,
      expected: "one value for each place of it, and at least one place",
    });
  }
  // In double precision a sum of float32 is finite exactly when its terms are; one pass without branches.
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[i]!;
  if (Number.isFinite(sum)) return;
  const at = values.findIndex((value) => !Number.isFinite(value));
  throw new ConfigError({ found: `${what}: ${values[at]} at index ${at}`, expected: "finite numbers" });
}
