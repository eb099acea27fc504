/** Small images and labels, and folders in the layouts that data sets are downloaded in. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Random } from "@rfmedsam/base";
import { scalingAffine, type Triple, type Volume, writeNifti } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";

export const smallShape = [4, 5, 6] as const;
const affine = scalingAffine([3, 1, 1], [-4, 2, 10]);
const length = 4 * 5 * 6;

/** Noise of its own for each seed. */
export function smallImage(seed: number): Volume<Int16Array> {
  const random = new Random(seed);
  return { data: Int16Array.from({ length }, () => random.below(1000)), shape: smallShape, affine };
}

/** The values one after the other, over and over. */
export function smallLabels(...values: number[]): Volume<Uint8Array> {
  return { data: Uint8Array.from({ length }, (_, at) => values[at % values.length]!), shape: smallShape, affine };
}

/** A `.nii.gz` with its folder. */
export async function save(file: string, volume: Volume): Promise<void> {
  await writeVolume(file, volume);
}

/** Several channels in one 4D file, as the Decathlon has them. */
export async function save4d(file: string, channels: readonly Volume<Int16Array>[]): Promise<void> {
  const { shape } = channels[0]!;
  const data = new Int16Array(channels.length * channels[0]!.data.length);
  for (const [channel, volume] of channels.entries()) data.set(volume.data, channel * volume.data.length);
  // Written as a longer stack, then said to be 4D.
  const stacked: Triple = [shape[0] * channels.length, shape[1], shape[2]];
  const bytes = writeNifti({ data, shape: stacked, affine });
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setInt16(40, 4, true);
  view.setInt16(46, shape[0], true);
  view.setInt16(48, channels.length, true);
  view.setFloat32(92, 1, true);
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, bytes);
}

/** A data set in nnU-Net's layout with cases `a`, `b`, … */
export async function layDataset(
  folder: string,
  cases: Readonly<Record<string, { image: Volume; labels?: Volume | undefined }>>,
  description: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  await mkdir(join(folder, "imagesTr"), { recursive: true });
  await mkdir(join(folder, "labelsTr"), { recursive: true });
  for (const [id, { image, labels }] of Object.entries(cases)) {
    await save(join(folder, "imagesTr", `${id}_0000.nii.gz`), image);
    if (labels !== undefined) await save(join(folder, "labelsTr", `${id}.nii.gz`), labels);
  }
  const all = {
    channel_names: { 0: "CT" },
    labels: { background: 0, organ: 1, tumour: 2 },
    numTraining: Object.keys(cases).length,
    file_ending: ".nii.gz",
    ...description,
  };
  await writeFile(join(folder, "dataset.json"), JSON.stringify(all));
}

/** Names of so many cases. */
export const caseNames = (count: number): string[] =>
  Array.from({ length: count }, (_, n) => `case_${String(n).padStart(2, "0")}`);

/** Labels of their own for each seed, both classes in them. */
export function drawnLabels(seed: number): Volume<Uint8Array> {
  const random = new Random(seed, 7);
  const labels = smallLabels(0, 0, 1, 2);
  return { ...labels, data: labels.data.map((value) => (random.below(9) === 0 ? 1 : value)) };
}

/** Cases without faults, for `layDataset`. */
export const goodCases = (count: number): Record<string, { image: Volume; labels: Volume }> =>
  Object.fromEntries(caseNames(count).map((id, n) => [id, { image: smallImage(n), labels: drawnLabels(n) }]));
