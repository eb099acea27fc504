/** The channels of one case, from their files into memory, checked as everything that looks at them needs. */
import { FormatError } from "@rfmedsam/base";
import { assertSameGrid } from "../grid.js";
import type { Volume } from "../volume.js";
import type { ReadImageOptions } from "./read-image.js";
import { readScan } from "./read-scan.js";

/**
 * @param files one per channel; a DICOM folder counts as one
 * @throws as `readScan`; FormatError for voxels that are not finite, GeometryError when the channels lie on different grids
 */
export async function readChannels(files: readonly string[], options: ReadImageOptions = {}): Promise<Volume[]> {
  const channels: Volume[] = [];
  for (const file of files) {
    const volume = await readScan(file, options);
    assertFinite(volume, file);
    if (channels[0] !== undefined) assertSameGrid(channels[0], volume, { imageFile: files[0]!, labelFile: file });
    channels.push(volume);
  }
  return channels;
}

function assertFinite({ data, shape }: Volume, file: string): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const [, height, width] = shape;
  const place = [at % width, Math.floor(at / width) % height, Math.floor(at / (width * height))];
  throw new FormatError({
    file,
    found: `voxel (${place.join(", ")}) is ${data[at]}`,
    expected: "finite numbers only",
    hint: "replace NaN and infinity in the image, for example by 0 or by the value of air",
  });
}
