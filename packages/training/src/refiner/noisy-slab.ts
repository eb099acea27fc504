/**
 * A few consecutive slices of a case with noise in their voxels, for pictures that the refiner learns from. Step 0 may have seen the case
 * without: what is learned is to see through noise at prompts of any quality.
 */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { extractSlice, type SliceFrame, type StageInput } from "@rfmedsam/segmenter";

export interface Slab {
  readonly prepared: Pick<StageInput, "data" | "shape" | "windows">;
  /** The case's frame, along the slab. */
  readonly frame: SliceFrame;
  /** The slab's number of a slice of the case. */
  readonly at: (slice: number) => number;
}

/**
 * @param stored all its channels are copied, with the slices before and behind, which adjacent slices are shown with
 * @param slices ascending, without gaps
 * @param deviation of the noise, as a part of each channel's window
 */
export function noisySlab(
  { data, shape, windows, channels }: Pick<StageInput, "data" | "shape" | "windows"> & { readonly channels: number },
  frame: SliceFrame,
  slices: readonly number[],
  deviation: number,
  random: Random,
): Slab {
  const first = Math.max(0, slices[0]! - 1);
  const count = Math.min(frame.count - 1, slices.at(-1)! + 1) - first + 1;
  const [plane, voxels] = [frame.height * frame.width, shape[0] * shape[1] * shape[2]];
  const out = new Float32Array(channels * count * plane);
  for (let channel = 0; channel < channels; channel++) {
    const volume = data.subarray(channel * voxels, (channel + 1) * voxels);
    const { low, high } = windows[channel]!;
    for (let n = 0; n < count; n++) {
      const start = (channel * count + n) * plane;
      const slice = extractSlice(volume, shape, frame.axis, first + n, out.subarray(start, start + plane));
      for (let i = 0; i < plane; i++) slice[i]! += random.normal(0, deviation * (high - low));
    }
  }
  const own: Triple = [count, frame.height, frame.width];
  return {
    prepared: { data: out, shape: own, windows },
    frame: { ...frame, axis: 0, count },
    at: (slice) => slice - first,
  };
}
