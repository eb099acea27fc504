/**
 * The stress test: what do the refinements make of a step 0 that went wrong?
 *
 *   image (noise) ─► step 0 ─► labels (dropped, eroded, shifted, …) ─► stage 1 ─► stage 2 ─► final, with the gate and without
 *
 * Every degradation is a row of `degradations`; before them the case as it is.
 */

import { resolve } from "node:path";
import { type CancelSignal, ConfigError, type Progress, silent } from "@rfmedsam/base";
import { peakMemory, resetPeakMemory } from "@rfmedsam/base/node";
import { openModel } from "@rfmedsam/engine";
import type { LabelVolume, Volume } from "@rfmedsam/imaging";
import { classTable, type Segmentation, Segmenter } from "@rfmedsam/segmenter";
import type { Device } from "@rfmedsam/torch";
import { alteredStep0 } from "../../choice/altered-step0.js";
import { type LoadedCase, loadCase } from "../../dataset/load.js";
import { assertFits, type CaseChoice, studyCases } from "../common/cases.js";
import { chooseRows } from "../common/choose-rows.js";
import { foreground, type Measurement, scoreLabels } from "../common/measurements.js";
import { type StudyResult, writeStudy } from "../common/report.js";
import { streamOf } from "../common/streams.js";
import { StudyFolder } from "../common/study-folder.js";
import { type Degradation, type DegradationName, degradationNames, degradations, undamaged } from "./degradations.js";
import { armOf, stressStudy } from "./result.js";

export interface StressOptions extends CaseChoice {
  /** In nnU-Net's layout. */
  readonly dataset: string;
  /** A model folder with a refiner. */
  readonly model: string;
  readonly output: string;
  /** All unless given. */
  readonly degradations?: readonly string[] | undefined;
  readonly seed: number;
  readonly device?: Device | "auto" | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * @throws ConfigError for degradations there are not, a model without a refiner, labels that differ from the model's, and an output folder
 *   of another study; as `openModel` and `studyCases`; InterruptedError, after which the same call goes on
 */
export async function runStress(options: StressOptions): Promise<StudyResult> {
  const { seed, progress = silent, signal } = options;
  const chosen = chooseRows("degradation", degradationNames, options.degradations);
  const { dataset, cases, facts } = await studyCases(options.dataset, options);
  using model = await openModel(options.model, { device: options.device });
  const { manifest, segmenter, device } = model;
  if (manifest.refiner === undefined) {
    throw new ConfigError({
      file: options.model,
      found: "a model without a refiner",
      expected: "one with stages 1 and 2, whose effect is measured",
      hint: "train with refiner.enabled=true",
    });
  }
  assertFits(dataset, manifest);
  const folder = await StudyFolder.open(options.output, {
    study: "stress",
    model: resolve(options.model),
    manifest,
    dataset: resolve(options.dataset),
    seed,
  });
  const bench: Bench = {
    gated: segmenter,
    free: new Segmenter({ ...manifest, gate: {} }, segmenter.networks),
    classes: classTable(manifest).length,
    seed,
    signal,
  };
  const measurements: Measurement[] = [];
  for (const name of [undamaged, ...chosen] as const) {
    const measure = async (files: (typeof cases)[number], own: Progress) =>
      measureCase(bench, await loadCase(files, dataset.labels), name, own);
    measurements.push(...(await folder.measureCases(name, cases, measure, { progress, signal })));
  }
  return writeStudy(
    options.output,
    stressStudy({ labels: foreground(dataset.labels), cases: cases.map(({ id }) => id), measurements }, chosen, [
      ...Object.entries({
        model: resolve(options.model),
        "data set": dataset.name,
        seed: String(seed),
        device: String(device),
      }).map(([key, value]) => ({ name: key, value })),
      ...facts,
    ]),
  );
}

interface Bench {
  /** The model as it is, and without its gate. */
  readonly gated: Segmenter;
  readonly free: Segmenter;
  readonly classes: number;
  readonly seed: number;
  readonly signal: CancelSignal | undefined;
}

type RowName = DegradationName | typeof undamaged;

/** Everything of one case under one degradation. */
async function measureCase(bench: Bench, loaded: LoadedCase, row: RowName, progress: Progress): Promise<Measurement[]> {
  const { labels } = bench.gated.manifest;
  resetPeakMemory();
  const gated = await segment(bench, bench.gated, loaded, row, progress);
  const memory = peakMemory();
  // Where the gate changed nothing both are the same.
  const free = gated.switched.length === 0 ? gated : await segment(bench, bench.free, loaded, row, progress);
  const measured = (column: Parameters<typeof armOf>[1], found: LabelVolume, surface: boolean): Measurement => ({
    arm: armOf(row, column),
    case: loaded.id,
    scores: scoreLabels(found, loaded.labels, labels, surface),
    seconds: column === "final" ? gated.seconds.total! : Number.NaN,
    memory,
  });
  const { step0, stage1, stage2 } = gated.stages;
  return [
    measured("step0", step0!, true),
    measured("stage1", stage1!, false),
    measured("stage2", stage2!, false),
    measured("ungated", free.labels, false),
    measured("final", gated.labels, true),
  ];
}

async function segment(
  { classes, seed, signal }: Bench,
  segmenter: Segmenter,
  { id, channels }: LoadedCase,
  row: RowName,
  progress: Progress,
): Promise<Segmentation> {
  const damage: Degradation | undefined = row === undamaged ? undefined : degradations[row];
  // Drawn anew for each segmentation, so that both meet the same damage.
  const random = streamOf(seed, row, id);
  const shown: readonly Volume[] =
    damage?.of === "image" ? channels.map((channel) => damage.apply(channel, random)) : channels;
  return segmenter.segment(shown, {
    alterStep0: damage?.of === "step0" ? alteredStep0(classes, (grid) => damage.apply(grid, random)) : undefined,
    progress,
    ...(signal && { signal }),
  });
}
