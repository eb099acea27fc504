/**
 * Pictures of the cases that went worst: where the prediction of a case's worst label leaves its reference, and all labels of both beside
 * each other. Over the image where there is one, else on black.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CancelSignal, FileError, throwIfCancelled } from "@rfmedsam/base";
import { type LabelVolume, sameGrid, type Volume } from "@rfmedsam/imaging";
import { caseNameOf, groupChannels, hasEnding, listFolder, readLabels, readVolume } from "@rfmedsam/imaging/node";
import { type LabelOrRegion, labelsOf } from "../classes.js";
import type { Rgb } from "../colours.js";
import { drawOutlines, drawOverlay } from "../overlay.js";
import { toPng } from "../picture.js";
import type { ReportCase, ReportPicture } from "../report.js";
import { informativeSlice, percentileWindow } from "../slices.js";
import { finiteMean } from "../summary.js";
import { type Evaluation, type EvaluationRow, scoresOf } from "./evaluate-folders.js";
import type { Pair } from "./pairs.js";

export interface WorstCasesOptions {
  /** How many cases are drawn. */
  readonly worst: number;
  /** Folder of images: `CASE.nii.gz`, or nnU-Net's `CASE_0000.nii.gz`. */
  readonly images?: string | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface WorstCases {
  readonly cases: readonly ReportCase[];
  /** What the outlines mean. */
  readonly legend: readonly { readonly name: string; readonly colour: Rgb }[];
  /** Images that could not be used, in sentences. */
  readonly notes: readonly string[];
}

/** Told apart from each other, from grey and with any colour vision (Okabe & Ito). */
const outlines = {
  reference: [0, 158, 115],
  prediction: [230, 159, 0],
} as const satisfies Record<string, Rgb>;

/** Pixels. */
const panelWidth = 260;

/**
 * The cases with the lowest mean Dice over their labels in the last column, worst first.
 *
 * @throws FileError, FormatError when an image cannot be read; InterruptedError
 */
export async function drawWorstCases(
  evaluation: Evaluation,
  { worst, images, signal }: WorstCasesOptions,
): Promise<WorstCases> {
  const column = evaluation.columns.at(-1)!;
  const imageOf = images === undefined ? undefined : await imagesIn(images);
  const notes: string[] = [];
  const drawn: ReportCase[] = [];
  for (const { id, mean } of worstOf(evaluation, column).slice(0, worst)) {
    throwIfCancelled(signal);
    const pair = evaluation.files.find((each) => each.case === id)!;
    const rows = evaluation.rows.filter((row) => row.case === id && row.column === column);
    const labels = await readPair(pair, column);
    const image = await imageFor(labels.reference, id, imageOf, notes);
    const lowest = rows.filter((row) => !Number.isNaN(row.scores.dice)).sort((a, b) => a.scores.dice! - b.scores.dice!);
    const label = lowest[0]!.label;
    drawn.push({
      name: id,
      note: `mean Dice ${mean.toFixed(3)}; worst: ${describe(lowest[0]!)}`,
      pictures: picturesOf(image, labels, { name: label, label: evaluation.labels[label]! }),
    });
  }
  const legend = Object.entries(outlines).map(([name, colour]) => ({ name: `outline: ${name}`, colour }));
  return { cases: drawn, legend, notes };
}

function worstOf(evaluation: Evaluation, column: string): { id: string; mean: number }[] {
  const { cases, values } = scoresOf(evaluation, column);
  return cases
    .map((id, at) => ({ id, mean: finiteMean(values[at]!) }))
    .filter(({ mean }) => !Number.isNaN(mean))
    .sort((a, b) => a.mean - b.mean);
}

function describe({ label, scores }: EvaluationRow): string {
  const distance =
    scores.hd95 === undefined
      ? ""
      : `, HD95 ${scores.hd95 < Number.POSITIVE_INFINITY ? `${scores.hd95.toFixed(1)} mm` : "∞"}`;
  return `${label}, Dice ${scores.dice!.toFixed(3)}${distance}`;
}

interface LabelPair {
  readonly reference: LabelVolume;
  readonly prediction: LabelVolume;
}

async function readPair(pair: Pair, column: string): Promise<LabelPair> {
  return { reference: await readLabels(pair.reference), prediction: await readLabels(pair.predictions[column]!) };
}

/** The file of every case's image (its first channel). */
async function imagesIn(folder: string): Promise<ReadonlyMap<string, string>> {
  if (!existsSync(folder)) throw new FileError({ file: folder, found: "this folder of images does not exist" });
  const names = (await listFolder(folder)).filter((name) => hasEnding(name));
  const files = new Map(names.map((name) => [caseNameOf(name), join(folder, name)]));
  for (const [id, channels] of groupChannels(names)) {
    const first = channels.get(0);
    if (first !== undefined && !files.has(id)) files.set(id, join(folder, first));
  }
  return files;
}

/** @returns black when there is no image on the labels' grid, with a note if one was wanted */
async function imageFor(
  labels: LabelVolume,
  id: string,
  images: ReadonlyMap<string, string> | undefined,
  notes: string[],
): Promise<Volume> {
  const black = { ...labels, data: new Uint8Array(labels.data.length) };
  if (images === undefined) return black;
  const file = images.get(id);
  const image = file === undefined ? undefined : await readVolume(file);
  if (image !== undefined && sameGrid(image, labels)) return image;
  notes.push(
    `${id} is drawn without its image: ${file === undefined ? "there is none" : `${file} lies on another grid`}.`,
  );
  return black;
}

function picturesOf(
  image: Volume,
  { reference, prediction }: LabelPair,
  worst: { readonly name: string; readonly label: LabelOrRegion },
): ReportPicture[] {
  const differing = whereTheyDiffer(reference, prediction, labelsOf(worst.label));
  const window = image.data.some((value) => Number(value) !== 0) ? percentileWindow(image) : { low: 0, high: 1 };
  const borders = (view: "axial" | "coronal" | "sagittal") => {
    const options = { view, window, width: panelWidth, index: informativeSlice(differing, view) };
    const layers = [
      { labels: reference, label: worst.label, colour: outlines.reference, thickness: 2 },
      { labels: prediction, label: worst.label, colour: outlines.prediction, thickness: 1 },
    ];
    return { png: toPng(drawOutlines(image, layers, options)), caption: `${view}, ${worst.name}` };
  };
  const options = { window, width: panelWidth, index: informativeSlice(differing, "axial") };
  const whole = (labels: LabelVolume, caption: string) => ({
    png: toPng(drawOverlay(image, labels, options)),
    caption: `axial, ${caption}`,
  });
  return [
    ...(["axial", "coronal", "sagittal"] as const).map(borders),
    whole(reference, "all labels of the reference"),
    whole(prediction, "all labels of the prediction"),
  ];
}

/** 1 where one of two maps has the label and the other does not; where both have it, if they agree everywhere. */
function whereTheyDiffer(reference: LabelVolume, prediction: LabelVolume, labels: readonly number[]): LabelVolume {
  const inside = Uint8Array.from({ length: 256 }, (_, label) => (labels.includes(label) ? 1 : 0));
  const data = reference.data.map((value, i) => inside[value]! ^ inside[prediction.data[i]!]!);
  if (data.includes(1)) return { ...reference, data };
  return { ...reference, data: reference.data.map((value) => inside[value]!) };
}
