/** One image into another format, grid, orientation or type. */
import { existsSync } from "node:fs";
import { ConfigError, FileError } from "@rfmedsam/base";
import type { FormatName } from "../formats/image-file.js";
import type { GreyPicture } from "../formats/picture/png.js";
import type { ScalarName } from "../formats/scalars.js";
import { writableEndings } from "../formats/volume-files.js";
import { type Grid, sameGrid } from "../grid.js";
import { summariseValues } from "../intensity/summary.js";
import { type Window, windowToGrey } from "../intensity/window.js";
import { toLabels } from "../labels.js";
import { type Orientation, reorient } from "../orientation.js";
import { resampleLike } from "../resample/like.js";
import { isBigArray, toFloat32, type Volume, type VoxelArray } from "../volume.js";
import { hasEnding } from "./case-files.js";
import { writePng } from "./picture.js";
import { type ReadImageOptions, readImage, readVolume } from "./read-image.js";
import { writeVolume } from "./write-volume.js";

export interface ConvertOptions extends ReadImageOptions {
  /** An image on whose grid the result lies. */
  readonly like?: string | undefined;
  /** Axes of the result; its voxels are only put into another order. */
  readonly orientation?: Orientation | undefined;
  /** The voxels are labels: checked, never mixed, written as uint8. */
  readonly labels?: boolean | undefined;
  /** Element type in the file; a voxel that does not fit is an error. */
  readonly dtype?: ScalarName | undefined;
  /** For `.png`: which axial slice, from 0 at the feet. */
  readonly slice?: number | undefined;
  /** For `.png`: what is black and what is white. */
  readonly window?: Window | undefined;
  readonly overwrite?: boolean | undefined;
}

export interface Converted {
  readonly from: FormatName;
  readonly output: string;
  /** Where the result lies. */
  readonly grid: Grid;
}

/**
 * Reads any image and writes it as `.nii`, `.nii.gz`, `.nrrd`, `.mha`, `.mhd`, or one slice of it as `.png`.
 *
 * @throws FileError when the output exists and may not be replaced; ConfigError for options that do not go together, and voxels that do
 *   not fit `dtype`; as `readImage`
 */
export async function convertImage(input: string, output: string, options: ConvertOptions = {}): Promise<Converted> {
  const picture = hasEnding(output, [".png"]);
  assertOptions(output, picture, options);
  const { like, orientation, labels = false, dtype, series, onWarning } = options;
  const image = await readImage(input, { series, onWarning });
  let volume = labels ? toLabels(image.volume, { file: input }) : image.volume;
  if (like !== undefined) volume = await ontoGridOf(like, volume, options);
  if (orientation !== undefined) volume = reorient(volume, orientation);
  if (picture) await writePng(output, pictureOf(volume, output, options));
  else await writeVolume(output, volume, { dtype });
  return { from: image.format, output, grid: { shape: volume.shape, affine: volume.affine } };
}

function assertOptions(output: string, picture: boolean, options: ConvertOptions): void {
  const { like, orientation, dtype, slice, window, overwrite = false } = options;
  const fail = (found: string, expected: string) => new ConfigError({ file: output, found, expected });
  if (!picture && !hasEnding(output, writableEndings)) {
    throw fail("a name for no format that is written", [...writableEndings, ".png"].join(", "));
  }
  if (!picture && (slice !== undefined || window !== undefined)) {
    throw fail("a slice or window for a volume", "them with .png only");
  }
  if (picture && dtype !== undefined)
    throw fail(`the type ${dtype} for a picture`, "8 or 16 bits, as the values ask for");
  if (picture && orientation !== undefined) {
    throw fail(`the orientation ${orientation} for a picture`, "axial slices as radiologists look at them");
  }
  if (like !== undefined && orientation !== undefined) {
    throw fail("both another image's grid and an orientation", "one of the two: the grid has an orientation");
  }
  // The voxels of an .mhd lie in a file of their own.
  const files = [output, ...(hasEnding(output, [".mhd"]) ? [`${output.slice(0, -4)}.zraw`] : [])];
  const existing = overwrite ? undefined : files.find((file) => existsSync(file));
  if (existing === undefined) return;
  throw new FileError({ file: existing, found: "exists already", hint: "choose another name, or add --overwrite" });
}

async function ontoGridOf(like: string, volume: Volume, { labels, onWarning }: ConvertOptions): Promise<Volume> {
  const grid = await readVolume(like);
  if (sameGrid(volume, grid)) return { ...volume, affine: grid.affine };
  if (!labels && summariseValues(volume.data).counts !== undefined) {
    onWarning?.("the values could be labels, which are not to be mixed: add --labels if they are");
  }
  return resampleLike(volume, grid, { labels });
}

/** One axial slice, the patient's right on the left and the front above. */
function pictureOf(volume: Volume, output: string, options: ConvertOptions): GreyPicture {
  const { data, shape } = reorient(volume, "LPS");
  const [depth, height, width] = shape;
  const { slice = depth === 1 ? 0 : undefined, window, onWarning } = options;
  if (slice === undefined || slice >= depth) {
    throw new ConfigError({
      file: output,
      found: slice === undefined ? `a picture of ${depth} slices` : `slice ${slice}`,
      expected: depth === 1 ? "slice 0, the only one" : `a slice from 0 (feet) to ${depth - 1}`,
      hint: "choose one with --slice",
    });
  }
  const pixels = data.slice(slice * height * width, (slice + 1) * height * width) as VoxelArray;
  if (window === undefined && (pixels instanceof Uint8Array || pixels instanceof Uint16Array)) {
    return { width, height, data: pixels };
  }
  const numbers = isBigArray(pixels) ? toFloat32(pixels) : pixels;
  const shown = window ?? bulkOf(numbers);
  if (window === undefined)
    onWarning?.(`shown from ${shown.low} (black) to ${shown.high} (white); choose with --window`);
  return {
    width,
    height,
    data: windowToGrey(
      numbers.map((value) => (value >= shown.low ? value : shown.low)),
      shown,
    ),
  };
}

/** From the 0.5th to the 99.5th percentile. */
function bulkOf(data: VoxelArray): Window {
  const { percentiles, min, max } = summariseValues(data);
  const [low, high] = [percentiles[0]?.value ?? 0, percentiles.at(-1)?.value ?? 0];
  if (low < high) return { low, high };
  return min < max ? { low: min, high: max } : { low, high: low + 1 };
}
