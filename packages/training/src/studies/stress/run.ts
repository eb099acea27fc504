/**
 * The stress test: what do the refinements make of a step 0 that went wrong?
 *
 *   image (noise) ─► step 0 ─► labels (dropped, eroded, shifted, …) ─► stage 1 ─► stage 2 ─► final, with the gate and without
 *
 * Every degradation is a row of `degradations`; before them the case as it is.
 */

import { resolve } from "node:path";
import { type CancelSignal, ConfigError, type Progress, silent } from "@rfmedsam/base";
import { openModel } from "@rfmedsam/engine";
import type { LabelVolume, Volume } from "@rfmedsam/imaging";
import { classTable, type Segmentation, Segmenter, withLargestComponents } from "@rfmedsam/segmenter";
import { type Device, measurePeak } from "@rfmedsam/torch";
import { alteredStep0 } from "../../choice/altered-step0.js";
import { type LoadedCase, loadCase } from "../../dataset/load.js";
import { assertFits, type CaseChoice, noteLearnedCases, studyCases } from "../common/cases.js";
import { chooseRows } from "../common/choose-rows.js";
import { foreground, type Measurement, scoreLabels } from "../common/measurements.js";
import { type StudyResult, writeStudy } from "../common/report.js";
import { streamOf } from "../common/streams.js";
import { StudyFolder } from "../common/study-folder.js";
import { contentOfModel } from "../common/weights-content.js";
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
  const learned = await noteLearnedCases(options.model, cases, options.onNote);
  const folder = await StudyFolder.open(
    options.output,
    {
      study: "stress",
      model: resolve(options.model),
      manifest,
      "content of the weights": await contentOfModel(options.model),
      dataset: resolve(options.dataset),
      seed,
    },
    { dataset, onNote: options.onNote },
  );
  const bench: Bench = {
    gated: segmenter,
    free: new Segmenter({ ...manifest, gate: {} }, segmenter.networks),
    classes: classTable(manifest).length,
    device,
    seed,
    signal,
  };
  const measurements: Measurement[] = [];
  for (const [at, files] of cases.entries()) {
    let loaded: Promise<LoadedCase> | undefined;
    const load = () => {
      loaded ??= loadCase(files, dataset.labels);
      return loaded;
    };
    const step0 = new Step0Memory();
    for (const row of [undamaged, ...chosen] as const) {
      const measure = async (own: Progress) => measureCase(bench, await load(), row, step0, own);
      const stage = `${files.id} (${at + 1} of ${cases.length}), ${row}`;
      measurements.push(...(await folder.measureCase(row, files, measure, { stage, progress, signal })));
    }
    progress({ stage: "stress test", done: at + 1, total: cases.length });
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
      ...learned,
    ]),
  );
}

interface Bench {
  /** The model as it is, and without its gate. */
  readonly gated: Segmenter;
  readonly free: Segmenter;
  readonly classes: number;
  readonly device: Device;
  readonly seed: number;
  readonly signal: CancelSignal | undefined;
}

type RowName = DegradationName | typeof undamaged;

/**
 * Step 0's logits for a case's images: one prediction serves all that happens behind it. Other images take their place, so that
 * degradations of the images come last.
 */
class Step0Memory {
  #images: unknown;
  #logits: Float32Array | undefined;

  /** @param images what they are, to be recognised by */
  of(images: unknown): Float32Array | undefined {
    return this.#images === images ? this.#logits : undefined;
  }

  keep(images: unknown, logits: Float32Array): void {
    [this.#images, this.#logits] = [images, logits.slice()];
  }
}

/** Everything of one case under one degradation. */
async function measureCase(
  bench: Bench,
  loaded: LoadedCase,
  row: RowName,
  step0Memory: Step0Memory,
  progress: Progress,
): Promise<Measurement[]> {
  const { labels } = bench.gated.manifest;
  const peak = measurePeak(bench.device);
  const gated = await segment(bench, bench.gated, loaded, row, step0Memory, progress);
  const memory = peak();
  // Where the gate changed nothing both are the same.
  const free =
    gated.switched.length === 0 ? gated : await segment(bench, bench.free, loaded, row, step0Memory, progress);
  const { total = 0, prepare = 0, step0: predicting = 0 } = gated.seconds;
  const measured = (column: Parameters<typeof armOf>[1], found: LabelVolume, surface: boolean): Measurement => ({
    arm: armOf(row, column),
    case: loaded.id,
    scores: scoreLabels(found, loaded.labels, labels, surface),
    seconds: column === "final" ? total - prepare - predicting : Number.NaN,
    memory,
  });
  // What cleaning the final labels removes is not refinement's gain: the stages are cleaned alike.
  const toClean = bench.gated.manifest.largestComponent.map((name) => labels[name]!);
  const cleaned = (stage: LabelVolume) => withLargestComponents(stage, toClean);
  const { step0, stage1, stage2 } = gated.stages;
  return [
    measured("step0", cleaned(step0!), true),
    measured("stage1", cleaned(stage1!), false),
    measured("stage2", cleaned(stage2!), false),
    measured("ungated", free.labels, false),
    measured("final", gated.labels, true),
  ];
}

async function segment(
  { classes, seed, signal }: Bench,
  segmenter: Segmenter,
  { id, channels }: LoadedCase,
  row: RowName,
  step0: Step0Memory,
  progress: Progress,
): Promise<Segmentation> {
  const damage: Degradation | undefined = row === undamaged ? undefined : degradations[row];
  // Drawn anew for each segmentation, so that both meet the same damage.
  const random = streamOf(seed, row, id);
  const shown: readonly Volume[] =
    damage?.of === "image" ? channels.map((channel) => damage.apply(channel, random)) : channels;
  const images = damage?.of === "image" ? row : undamaged;
  const known = step0.of(images);
  return segmenter.segment(shown, {
    step0Logits: known,
    alterStep0: (logits, prepared) => {
      if (known === undefined) step0.keep(images, logits);
      if (damage?.of !== "step0") return logits;
      return alteredStep0(classes, (grid) => damage.apply(grid, random))(logits, prepared);
    },
    progress,
    ...(signal && { signal }),
  });
}
