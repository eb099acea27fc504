/** One case from its files into memory, with everything that can be wrong with it said in a sentence. */
import { DatasetError } from "@rfmedsam/base";
import { assertSameGrid, type LabelVolume, labelsIn, toLabels, type Volume } from "@rfmedsam/imaging";
import { readVolume } from "@rfmedsam/imaging/node";
import type { CaseFiles, Dataset } from "./nnunet.js";

export interface LoadedCase {
  readonly id: string;
  readonly channels: readonly Volume[];
  readonly labels: LabelVolume;
}

/**
 * @throws FormatError, FileError for unreadable files; GeometryError when channels or labels lie on different grids; DatasetError
 *   for label values that the data set does not know or voxels that are not finite
 */
export async function loadCase(files: CaseFiles, labels: Dataset["labels"]): Promise<LoadedCase> {
  const channels = await loadChannels(files.images);
  const labelFile = files.labels!;
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

/** The channels of one case, checked against each other. */
export async function loadChannels(files: readonly string[]): Promise<Volume[]> {
  const channels: Volume[] = [];
  for (const file of files) {
    const volume = await readVolume(file);
    assertFinite(volume, file);
    if (channels[0] !== undefined) assertSameGrid(channels[0], volume, { imageFile: files[0]!, labelFile: file });
    channels.push(volume);
  }
  return channels;
}

function assertFinite({ data }: Volume, file: string): void {
  if (!(data instanceof Float32Array || data instanceof Float64Array)) return;
  const at = data.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  throw new DatasetError({
    file,
    found: `voxel ${at} is ${data[at]}`,
    expected: "finite numbers only",
    hint: "replace NaN and infinity in the image, for example by 0 or by the value of air",
  });
}
