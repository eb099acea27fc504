/**
 * Slices of a volume (or frames of a video) as SAM 2's video predictor sees them.
 *
 *   slice [h, w] ──► window to 0 … 255 ──► 3 colours ──► bicubic to S × S (Pillow, 8 bits) ──► / 255, ImageNet mean and deviation
 *
 * The slice is stretched to a square whatever its spacing, as the reference's loader does. Coordinates on a slice are (x, y), counted in
 * voxels as they are stored; with array axis
 *
 *   0 (z): slice = k, (x, y) = (i, j)      1 (y): slice = j, (x, y) = (i, k)      2 (x): slice = i, (x, y) = (j, k)
 *
 * where `ijk` is what the volume's affine takes to millimetres.
 *
 * Source: SAM 2, `load_video_frames_from_jpg_images`.
 */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import {
  checkPicture,
  imagenet,
  isBigArray,
  type NumberArray,
  percentileOfSorted,
  type RgbPicture,
  spacingOf,
  type Triple,
  type Volume,
  voxelCount,
} from "@rfmedsam/imaging";
import { type SliceColours, sliceColours } from "../slices.js";
import { resizePillow } from "./pillow-resize.js";

/** A stack of slices of one size, ready for a network. */
export interface SliceSource {
  readonly count: number;
  /** Rows and columns of a slice, in voxels. */
  readonly height: number;
  readonly width: number;
  /** Millimetres between slices, rows and columns. */
  readonly spacing?: Triple | undefined;
  /** @returns `[3, S, S]`, normalised @throws GeometryError for a slice that is none */
  render(slice: number): Float32Array;
}

export interface VolumeSliceOptions {
  /** Array axis the slices are stacked along: 0 (z), 1 (y), 2 (x). */
  readonly axis: 0 | 1 | 2;
  /**
   * Intensities that become 0 and 255. By default 0 and 255 for 8-bit volumes, the percentiles 0.5 and 99.5 for others (of at most four
   * million voxels, evenly spread).
   */
  readonly window?: readonly [low: number, high: number] | undefined;
  readonly colours: SliceColours;
  /** Side S of the network's input. */
  readonly imageSize: number;
}

/**
 * @throws ConfigError for an axis, colours, window or image size that is none, and (when rendered) for voxels that are no numbers;
 *   GeometryError for a volume whose shape and data do not fit
 */
export function volumeSlices(volume: Volume, options: VolumeSliceOptions): SliceSource {
  const { axis, colours, imageSize } = options;
  const data = checkedData(volume);
  checkOptions(options);
  const { shape } = volume;
  const [rows, columns] = (
    [
      [1, 2],
      [0, 2],
      [0, 1],
    ] as const
  )[axis];
  const strides = [shape[1] * shape[2], shape[2], 1] as const;
  const [count, height, width] = [shape[axis], shape[rows], shape[columns]];
  const [low, high] = options.window ?? usualWindow(data);
  const spacing = spacingOf(volume);

  /** Writes the windowed slice into every `step`-th byte. */
  const windowed = (slice: number, out: Uint8Array, step: number, offset: number) => {
    let to = offset;
    for (let y = 0; y < height; y++) {
      let from = slice * strides[axis] + y * strides[rows];
      for (let x = 0; x < width; x++, from += strides[columns], to += step) {
        const value = ((data[from]! - low) / (high - low)) * 255;
        if (Number.isNaN(value)) throw notANumber(slice, x, y);
        out[to] = value <= 0 ? 0 : value >= 255 ? 255 : Math.floor(value + 0.5);
      }
    }
  };
  return {
    count,
    height,
    width,
    spacing: [spacing[axis], spacing[rows], spacing[columns]],
    render(slice) {
      checkSlice(slice, count);
      const sources = sliceColours[colours].map((step) => Math.min(Math.max(slice + step, 0), count - 1));
      const channels = sources.every((source) => source === slice) ? 1 : 3;
      const picture = new Uint8Array(height * width * channels);
      for (let channel = 0; channel < channels; channel++) windowed(sources[channel]!, picture, channels, channel);
      return frameInput(picture, height, width, channels, imageSize);
    },
  };
}

/**
 * Frames in colours as slices: a video, or slices that were windowed elsewhere.
 *
 * @throws GeometryError for pictures of several sizes or with too few values, ConfigError for none
 */
export function pictureSlices(pictures: readonly RgbPicture[], imageSize: number): SliceSource {
  const [first] = pictures;
  checkSize(imageSize);
  if (first === undefined) throw new ConfigError({ found: "no picture", expected: "at least one" });
  const { height, width } = first;
  for (const [index, picture] of pictures.entries()) {
    checkPicture(picture);
    if (picture.height !== height || picture.width !== width) {
      throw new GeometryError({
        found: `picture ${index} of ${picture.height}×${picture.width} pixels`,
        expected: `${height}×${width}, as the first one`,
      });
    }
  }
  return {
    count: pictures.length,
    height,
    width,
    render(slice) {
      checkSlice(slice, pictures.length);
      return frameInput(pictures[slice]!.data, height, width, 3, imageSize);
    },
  };
}

/** @throws GeometryError unless it is the number of a slice */
export function checkSlice(slice: number, count: number): void {
  if (Number.isInteger(slice) && slice >= 0 && slice < count) return;
  throw new GeometryError({ found: `slice ${slice}`, expected: `a whole number from 0 to ${count - 1}` });
}

/** What each byte of a colour becomes, rounded where the reference rounds. */
const normalised = imagenet.unit.mean.map((mean, colour) =>
  Float32Array.from(
    { length: 256 },
    (_, byte) =>
      Math.fround(Math.fround(byte / 255) - Math.fround(mean)) / Math.fround(imagenet.unit.deviation[colour]!),
  ),
);

/** `[h, w, channels]` bytes → `[3, S, S]`; one channel is all three colours. */
function frameInput(
  picture: Uint8Array | Uint8ClampedArray,
  height: number,
  width: number,
  channels: number,
  imageSize: number,
): Float32Array {
  const resized = resizePillow(picture, [height, width, channels], [imageSize, imageSize], "bicubic");
  const pixels = imageSize ** 2;
  const out = new Float32Array(3 * pixels);
  for (let colour = 0; colour < 3; colour++) {
    const table = normalised[colour]!;
    const plane = out.subarray(colour * pixels, (colour + 1) * pixels);
    for (let i = 0, from = channels === 1 ? 0 : colour; i < pixels; i++, from += channels)
      plane[i] = table[resized[from]!]!;
  }
  return out;
}

const mostSampled = 2 ** 22;

function usualWindow(data: NumberArray): readonly [number, number] {
  if (data instanceof Uint8Array) return [0, 255];
  // An odd step other than the sides of usual volumes, so that not one column is sampled again and again.
  const step = data.length <= mostSampled ? 1 : 2 * Math.ceil(data.length / mostSampled / 2) + 1;
  const sample = new Float32Array(Math.ceil(data.length / step));
  for (let i = 0; i < sample.length; i++) sample[i] = data[i * step]!;
  const sorted = sample.filter(Number.isFinite).sort();
  if (sorted.length === 0)
    throw new ConfigError({ found: "a volume without any finite voxel", expected: "intensities" });
  const [low, high] = [percentileOfSorted(sorted, 0.5), percentileOfSorted(sorted, 99.5)];
  return high > low ? [low, high] : [low, low + 1];
}

function checkedData({ data, shape }: Volume): NumberArray {
  if (isBigArray(data)) {
    throw new ConfigError({
      found: "64-bit whole numbers as voxels",
      expected: "numbers",
      hint: "use `toFloat32` first",
    });
  }
  if (!shape.every((extent) => Number.isInteger(extent) && extent > 0) || voxelCount(shape) !== data.length) {
    throw new GeometryError({
      found: `${data.length} voxels in a volume of shape [${shape.join(", ")}]`,
      expected: "as many as the shape says, and at least one along each axis",
    });
  }
  return data as NumberArray;
}

function checkOptions({ axis, window, colours, imageSize }: VolumeSliceOptions): void {
  checkSize(imageSize);
  if (![0, 1, 2].includes(axis)) {
    throw new ConfigError({ found: `slices along axis ${axis}`, expected: "0 (z), 1 (y) or 2 (x)" });
  }
  if (!Object.hasOwn(sliceColours, colours)) {
    throw new ConfigError({ found: `colours ${colours}`, expected: Object.keys(sliceColours).join(" or ") });
  }
  if (window !== undefined && !(window.every(Number.isFinite) && window[0] < window[1])) {
    throw new ConfigError({
      found: `a window from ${window[0]} to ${window[1]}`,
      expected: "two numbers, the lower first",
    });
  }
}

function checkSize(imageSize: number): void {
  if (Number.isInteger(imageSize) && imageSize > 0) return;
  throw new ConfigError({
    found: `an image size of ${imageSize}`,
    expected: "the side of the network's input in pixels",
  });
}

function notANumber(slice: number, x: number, y: number): ConfigError {
  return new ConfigError({
    found: `no number at voxel (${x}, ${y}) of slice ${slice}`,
    expected: "an intensity",
    hint: "replace such voxels, by the lowest intensity say",
  });
}
