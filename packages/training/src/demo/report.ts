/** The demonstration's tables, pictures and page. */
import { basename, join } from "node:path";
import { writeFileAtomic } from "@rfmedsam/base/node";
import type { SegmentedCase } from "@rfmedsam/engine";
import { formatShape, formatSpacing, spacingOf, type Volume } from "@rfmedsam/imaging";
import { readLabels, readVolume } from "@rfmedsam/imaging/node";
import {
  abdomenWindow,
  colourOf,
  drawOverlay,
  informativeSlice,
  mosaic,
  percentileWindow,
  type ReportCase,
  type ReportPicture,
  renderReport,
  type Table,
  toPng,
} from "@rfmedsam/metrics";
import { type Evaluation, scoresOf } from "@rfmedsam/metrics/node";
import { stageNames } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import type { Modality } from "../phantom/index.js";
import { madeWith } from "../version.js";
import type { Verdict } from "./verdict.js";

/** Everything the page tells. */
export interface DemoFacts {
  readonly modality: Modality;
  readonly seed: number;
  readonly device: string;
  readonly threads: number;
  readonly trainingCases: number;
  readonly configuration: TrainingConfiguration;
  readonly verdict: Verdict;
  readonly evaluation: Evaluation;
  readonly segmented: readonly SegmentedCase[];
  /** Dice per organ and stage. */
  readonly dice: Table;
  /** Seconds of this run: training, and all of it. `NaN` for what an earlier run had done. */
  readonly seconds: { readonly training: number; readonly total: number };
  /** Bytes that training held at most. */
  readonly trainingMemory: number;
}

const megabytes = (bytes: number) => bytes / 2 ** 20;

/** Seconds per stage and peak memory of every volume. */
export function costTable(segmented: readonly SegmentedCase[]): Table {
  const stages = ["prepare", ...stageNames, "merge", "total"] as const;
  const rows = segmented.map((each) => [
    ...stages.map((stage) => each.seconds[stage] ?? Number.NaN),
    megabytes(each.peakMemory ?? Number.NaN),
  ]);
  const mean = (column: number) => rows.reduce((sum, row) => sum + row[column]!, 0) / rows.length;
  return {
    title: "Time and memory per volume",
    columns: [
      { name: "case" },
      ...stages.map((name) => ({ name, unit: "s", digits: 1 })),
      { name: "peak memory", unit: "MB", digits: 0 },
    ],
    rows: [...segmented.map((each, at) => [each.case, ...rows[at]!]), ["mean", ...rows[0]!.map((_, at) => mean(at))]],
    footerRows: 1,
  };
}

/** Draws the overlays and writes the page. @throws ResourceError, FileError */
export async function writeDemoReport(
  facts: DemoFacts,
  { data, overlays, report }: { data: string; overlays: string; report: string },
): Promise<void> {
  const cases: ReportCase[] = [];
  for (const each of facts.segmented) {
    const drawn = await drawCase(each, join(data, "labelsTs"), facts.modality);
    for (const { name, png } of drawn.files) await writeFileAtomic(join(overlays, name), png);
    cases.push({
      name: each.case,
      note: `${drawn.grid} · mean Dice ${facts.evaluation.columns
        .map((column) => `${column} ${meanOfCase(facts.evaluation, column, each.case).toFixed(3)}`)
        .join(", ")}`,
      pictures: drawn.pictures,
    });
  }
  await writeFileAtomic(report, page(facts, cases));
}

interface DrawnCase {
  readonly grid: string;
  /** One picture per view and stage, for the page. */
  readonly pictures: readonly ReportPicture[];
  /** One picture per view with all stages side by side, for a file. */
  readonly files: readonly { readonly name: string; readonly png: Uint8Array }[];
}

/** Pixels. */
const panelWidth = 260;

async function drawCase(each: SegmentedCase, references: string, modality: Modality): Promise<DrawnCase> {
  const image = await readVolume(each.images[0]!);
  const truth = await readLabels(join(references, basename(each.file)));
  const panels: { name: string; labels: Volume | undefined }[] = [
    { name: "image", labels: undefined },
    { name: "truth", labels: truth },
  ];
  for (const stage of stageNames) {
    const file = each.stageFiles[stage];
    if (file !== undefined) panels.push({ name: stage, labels: await readLabels(file) });
  }
  panels.push({ name: "final", labels: await readLabels(each.file) });
  const window = modality === "ct" ? abdomenWindow : percentileWindow(image);
  const views = (["axial", "coronal"] as const).map((view) => {
    // The slice is the truth's in every panel, so that they can be compared.
    const options = { view, window, index: informativeSlice(truth, view), width: panelWidth };
    return { view, drawn: panels.map(({ labels }) => drawOverlay(image, labels, options)) };
  });
  return {
    grid: `${formatShape(image.shape)} voxels, ${formatSpacing(spacingOf(image))}`,
    pictures: views.flatMap(({ view, drawn }) =>
      drawn.map((picture, at) => ({ png: toPng(picture), caption: `${view}, ${panels[at]!.name}` })),
    ),
    files: views.map(({ view, drawn }) => ({ name: `${each.case}-${view}.png`, png: toPng(mosaic(drawn)) })),
  };
}

function meanOfCase(evaluation: Evaluation, column: string, id: string): number {
  const { cases, values } = scoresOf(evaluation, column);
  const own = (values[cases.indexOf(id)] ?? []).filter((value) => !Number.isNaN(value));
  return own.reduce((sum, value) => sum + value, 0) / own.length;
}

function page(facts: DemoFacts, cases: readonly ReportCase[]): string {
  const { evaluation, segmented, verdict, seconds, configuration, dice } = facts;
  const labels = Object.entries(evaluation.labels);
  const costs = costTable(segmented);
  const meanTime = segmented.reduce((sum, each) => sum + (each.seconds.total ?? 0), 0) / segmented.length;
  const peak = Math.max(...segmented.map((each) => each.peakMemory ?? Number.NaN));
  return renderReport({
    title: "RFMedSAM 2 on phantoms",
    summary:
      `${verdict.sentence} Trained on ${facts.trainingCases} and measured on ${segmented.length} procedural phantoms. ` +
      "Phantoms show that the whole path works; they say nothing about patients.",
    headlines: [
      { name: "mean Dice", value: lastMean(dice), note: verdict.reached ? "the goal is reached" : "below the goal" },
      { name: "per volume", value: `${meanTime.toFixed(1)} s`, note: "all stages" },
      { name: "peak memory", value: `${megabytes(peak).toFixed(0)} MB`, note: "segmenting" },
      { name: "whole run", value: minutes(seconds.total), note: `training ${minutes(seconds.training)}` },
    ],
    tables: [dice, costs],
    plots: [
      {
        title: "Dice of every held-out phantom",
        axis: "Dice",
        groups: labels.map(([name]) => name),
        cases: evaluation.cases,
        series: evaluation.columns.map((column) => {
          const { values } = scoresOf(evaluation, column);
          return { name: column, values: labels.map((_, at) => values.map((row) => row[at]!)) };
        }),
      },
    ],
    cases,
    legend: labels.map(([name, value]) => ({ name, colour: colourOf(Number(value)) })),
    facts: [
      { name: "seed", value: String(facts.seed) },
      { name: "device", value: `${facts.device}, ${facts.threads} thread${facts.threads === 1 ? "" : "s"}` },
      { name: "memory of training", value: `${megabytes(facts.trainingMemory).toFixed(0)} MB at most` },
      ...madeWith(),
      { name: "configuration", value: JSON.stringify(configuration) },
      ...evaluation.notes.map((value) => ({ name: "note", value })),
    ],
  });
}

/** The mean of the last column of a score table. */
function lastMean({ rows, columns }: Table): string {
  const cell = rows.at(-1)?.[columns.length - 1];
  return typeof cell === "object" && cell !== null && "mean" in cell ? cell.mean.toFixed(3) : "–";
}

function minutes(seconds: number): string {
  if (Number.isNaN(seconds)) return "done before";
  return seconds < 100 ? `${seconds.toFixed(0)} s` : `${(seconds / 60).toFixed(1)} min`;
}
