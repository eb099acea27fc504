/** Label files on disk. */
import { toLabels } from "../labels.js";
import type { LabelVolume } from "../volume.js";
import { type ReadImageOptions, readVolume } from "./read-image.js";

/** `readVolume` as uint8 labels. @throws also FormatError if a voxel is not a whole number from 0 to 255 */
export async function readLabels(path: string, options: ReadImageOptions = {}): Promise<LabelVolume> {
  return toLabels(await readVolume(path, options), { file: path });
}
