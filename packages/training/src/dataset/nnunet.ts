/**
 * nnU-Net's data set layout, the lingua franca of medical segmentation:
 *
 *   DatasetXXX_Name/dataset.json            channel_names, labels, file_ending
 *                   imagesTr/CASE_0000.nii.gz   one file a channel
 *                   labelsTr/CASE.nii.gz
 */
import { basename, join } from "node:path";
import { DatasetError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { channelsInOrder, describeChannels, groupChannels, listFolder } from "@rfmedsam/imaging/node";
import { parseWithSchema } from "@rfmedsam/segmenter";
import * as z from "zod";

const label = z.int().min(0).max(255);
const description = z.looseObject({
  channel_names: z.record(z.string(), z.string()),
  /** Several values under one name are a region (nnU-Net, documentation/region_based_training.md). */
  labels: z.record(z.string(), z.union([label, z.array(label).min(1)])),
  file_ending: z.string().default(".nii.gz"),
  name: z.string().optional(),
  /** nnU-Net counts the cases with it; nothing here depends on it, so what is no number is as good as none. */
  numTraining: z.number().optional().catch(undefined),
});

/** One case: a file a channel, and its labels where there are any. */
export interface CaseFiles {
  readonly id: string;
  readonly images: readonly string[];
  readonly labels: string | undefined;
}

export interface Dataset {
  readonly folder: string;
  readonly name: string;
  /** In the order of the files' `_0000`, `_0001`, … */
  readonly channelNames: readonly string[];
  /** Name → value, background first (value 0), the others ascending. */
  readonly labels: Readonly<Record<string, number>>;
  readonly fileEnding: string;
  readonly training: readonly CaseFiles[];
}

/** What dataset.json says, before anything is looked for on disk. Regions and voxels to ignore can be told of, but not learned. */
export interface DatasetDescription extends Pick<Dataset, "folder" | "name" | "channelNames" | "fileEnding"> {
  /** The dataset.json itself. */
  readonly file: string;
  /** Name → value of the classes, background among them, as they are written there. */
  readonly labels: Readonly<Record<string, number>>;
  /** The value of the label called "ignore", of voxels that nobody annotated (nnU-Net, documentation/ignore_label.md). */
  readonly ignored: number | undefined;
  /** Name → values. */
  readonly regions: Readonly<Record<string, readonly number[]>>;
  readonly numTraining: number | undefined;
}

/**
 * Values of a data set's labels must be 0, 1, 2, … without gaps: the network's outputs are counted so.
 *
 * @throws DatasetError
 */
export function orderedLabels(labels: Readonly<Record<string, number>>, file: string): Record<string, number> {
  const sorted = Object.entries(labels).sort(([, a], [, b]) => a - b);
  if (sorted.length < 2 || sorted.some(([, value], index) => value !== index) || sorted[0]?.[0] !== "background") {
    throw new DatasetError({
      file,
      found: `labels ${JSON.stringify(labels)}`,
      expected: `"background": 0 and further labels numbered 1, 2, 3, … without gaps`,
      hint: "renumber the labels in the files and in dataset.json",
    });
  }
  return Object.fromEntries(sorted);
}

/**
 * Reads a data set's description and lists its training cases.
 *
 * @throws FileError when the folder or dataset.json is missing, ConfigError for a wrong dataset.json, DatasetError for missing files, and
 *   for labels that cannot be learned
 */
export async function readDataset(folder: string): Promise<Dataset> {
  const { name, channelNames, fileEnding, ...described } = await readDescription(folder);
  const labels = learnableLabels(described);
  const training = await listCases(join(folder, "imagesTr"), fileEnding, channelNames.length, join(folder, "labelsTr"));
  return { folder, name, channelNames, labels, fileEnding, training };
}

function learnableLabels({
  labels,
  ignored,
  regions,
  file,
}: Pick<DatasetDescription, "labels" | "ignored" | "regions" | "file">): Record<string, number> {
  const [region] = Object.entries(regions);
  if (region !== undefined) {
    throw new DatasetError({
      file,
      found: `label ${JSON.stringify(region[0])} is a region, the values ${region[1].join(", ")}`,
      expected: "one value for every label",
      hint: "write label files in which every voxel has one class, and name these classes",
    });
  }
  if (ignored !== undefined) {
    throw new DatasetError({
      file,
      found: `label ${ignored} is "ignore"`,
      expected: "classes alone: training cannot leave voxels out",
      hint: "give these voxels a class or the background, or leave out the cases that have them",
    });
  }
  return orderedLabels(labels, file);
}

/**
 * Reads dataset.json alone.
 *
 * @throws FileError when it is missing, DatasetError when it is no JSON or another layout's, ConfigError when it says something else than it
 *   should
 */
export async function readDescription(folder: string): Promise<DatasetDescription> {
  const file = join(folder, "dataset.json");
  const parsed = await readJson(file, "point to a folder in nnU-Net's layout: dataset.json, imagesTr, labelsTr");
  if (isDecathlon(parsed)) {
    throw new DatasetError({
      file,
      found: "the layout of the Medical Segmentation Decathlon (modality, names by label)",
      expected: "nnU-Net's layout (channel_names, labels by name)",
      hint: `convert it first: rfmedsam dataset convert msd ${folder} OUT, and give OUT`,
    });
  }
  const { channel_names, labels, file_ending, name, numTraining } = parseWithSchema(description, parsed, { file });
  const channelNames = Object.keys(channel_names)
    .sort((a, b) => Number(a) - Number(b))
    .map((index) => channel_names[index]!);
  const numbered: Record<string, number> = {};
  const regions: Record<string, readonly number[]> = {};
  for (const [of, value] of Object.entries(labels)) {
    if (typeof value === "number") numbered[of] = value;
    else regions[of] = value;
  }
  const { ignore: ignored, ...classes } = numbered;
  return {
    folder,
    file,
    name: name ?? basename(folder),
    channelNames,
    labels: classes,
    ignored,
    regions,
    fileEnding: file_ending,
    numTraining,
  };
}

/** What the Decathlon's dataset.json has instead of channel_names, and `"labels": {"0": "background", …}`. */
function isDecathlon(parsed: unknown): boolean {
  const { modality, channel_names, labels } = Object(parsed) as Readonly<Record<string, unknown>>;
  const values = Object.keys(Object(labels));
  return (
    modality !== undefined &&
    channel_names === undefined &&
    values.length > 0 &&
    values.every((value) => /^\d+$/.test(value))
  );
}

/** @throws FileError when it is missing, DatasetError when it is no JSON */
export async function readJson(file: string, hint?: string): Promise<unknown> {
  const bytes = await readFileOrExplain(file, hint);
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new DatasetError({ file, found: "this is not JSON", cause });
  }
}

export const layoutHint = "nnU-Net's layout keeps images in imagesTr and labels in labelsTr";

/**
 * The cases of an image folder, each with all its channels.
 *
 * @param labelFolder where every case must have its labels; none are looked for without it
 */
export async function listCases(
  folder: string,
  fileEnding: string,
  channels: number,
  labelFolder?: string,
): Promise<CaseFiles[]> {
  const names = await listFolder(folder, layoutHint);
  const byCase = groupChannels(
    names.map((name) => join(folder, name)),
    [fileEnding],
  );
  if (byCase.size === 0) {
    throw new DatasetError({ file: folder, found: "no image files", expected: `files named CASE_0000${fileEnding}` });
  }
  const labelNames = labelFolder === undefined ? undefined : new Set(await listFolder(labelFolder, layoutHint));
  return [...byCase].map(([id, files]) => {
    const images = channelsInOrder(files, channels);
    if (images === undefined) {
      throw new DatasetError({
        file: join(folder, `${id}_*${fileEnding}`),
        found: describeChannels(files),
        expected: `${channels}, as channel_names of dataset.json lists`,
        hint: "add the missing files, or correct channel_names",
      });
    }
    const labelName = `${id}${fileEnding}`;
    if (labelNames !== undefined && !labelNames.has(labelName)) {
      throw new DatasetError({
        file: join(labelFolder!, labelName),
        found: "the case has an image but no labels",
        hint: "add the labels or remove the case",
      });
    }
    return {
      id,
      images,
      labels: labelFolder === undefined ? undefined : join(labelFolder, labelName),
    };
  });
}
