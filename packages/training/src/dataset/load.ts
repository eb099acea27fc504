/** One case from its files into memory, with everything that can be wrong with it said in a sentence. */
import { DatasetError } from "@rfmedsam/base";
import { assertSameGrid, type LabelVolume, labelsIn, toLabels, type Volume } from "@rfmedsam/imaging";
import { readChannels, readVolume } from "@rfmedsam/imaging/node";
import type { CaseFiles, Dataset } from "./nnunet.js";

export interface LoadedCase {
  readonly id: string;
  readonly channels: readonly Volume[];
  readonly labels: LabelVolume;
}

/**
 * @throws FormatError, FileError for unreadable files and voxels that are not finite; GeometryError when channels or labels lie on
 *   different grids; DatasetError for label values that the data set does not know, and for a case without image or labels. Each names
 *   the file.
 */
export async function loadCase(files: CaseFiles, labels: Dataset["labels"]): Promise<LoadedCase> {
  const labelFile = files.labels;
  if (labelFile === undefined || files.images.length === 0) {
    throw new DatasetError({
      file: labelFile ?? files.images[0],
      found: `case ${files.id} has no ${labelFile === undefined ? "labels" : "image"}`,
      expected: "images and labels of a case to train on",
      hint: "`rfmedsam dataset check` lists every case that lacks something",
    });
  }
  const channels = await readChannels(files.images);
  const volume = toLabels(await readVolume(labelFile), { file: labelFile });
  assertSameGrid(channels[0]!, volume, { imageFile: files.images[0]!, labelFile });
  const known = new Set(Object.values(labels));
  const unknown = labelsIn(volume.data).filter((label) => !known.has(label));
  if (unknown.length > 0) {
    throw new DatasetError({
      file: labelFile,
      found: `label${unknown.length === 1 ? "" : "s"} ${unknown.join(", ")}`,
      expected: `only the labels of dataset.json: ${Object.entries(labels)
        .map(([name, value]) => `${value} ${name}`)
        .join(", ")}`,
      hint: "add the label to dataset.json or correct the file",
    });
  }
  return { id: files.id, channels, labels: volume };
}
