/** Label files on disk. */
import { toLabels } from "../labels.js";
import type { LabelVolume } from "../volume.js";
import { readVolume } from "./nifti.js";

/** `readVolume` as uint8 labels. @throws also FormatError if a voxel is not a whole number from 0 to 255 */
export async function readLabels(path: string): Promise<LabelVolume> {
  return toLabels(await readVolume(path), { file: path });
}
