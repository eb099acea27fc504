/**
 * The truth in step 0's place: what stages 1 and 2 make of masks and boxes that are right, asked for as the model always asks (RFMedSAM 2
 * with ground-truth prompts).
 */
import type { CancelSignal, Progress } from "@rfmedsam/base";
import { classTable, prepareCase, prepareLabels, type Segmenter } from "@rfmedsam/segmenter";
import { type Device, measurePeak } from "@rfmedsam/torch";
import { logitsOfLabels } from "../../choice/altered-step0.js";
import type { LoadedCase } from "../../dataset/load.js";
import { type Measurement, scoreLabels } from "../common/measurements.js";

/** The name of the kind of prompt. */
export const truthAsStep0 = "step0";

export const promptedStages = ["stage1", "stage2"] as const;
export type PromptedStage = (typeof promptedStages)[number];

export const armOfStage = (stage: PromptedStage): string => `${truthAsStep0}/${stage}`;

/** How sure of the truth step 0 is made to be. */
const certainty = 0.98;

export async function measureThroughStages(
  segmenter: Pick<Segmenter, "manifest" | "segment">,
  { id, channels, labels }: LoadedCase,
  {
    device,
    progress,
    signal,
  }: { readonly device: Device; readonly progress: Progress; readonly signal?: CancelSignal | undefined },
): Promise<Measurement[]> {
  const { manifest } = segmenter;
  const peak = measurePeak(device);
  const prepared = prepareCase(channels, manifest.preprocessing);
  const classes = classTable(manifest);
  const classOf = new Map(classes.map(({ value }, index) => [value, index]));
  const truth = prepareLabels(labels, prepared).map((value) => classOf.get(value) ?? 0);
  const { stages, seconds } = await segmenter.segment(channels, {
    step0Logits: logitsOfLabels(truth, classes.length, certainty),
    progress,
    ...(signal && { signal }),
  });
  const memory = peak();
  const { prepare = 0, stage1 = 0, stage2 = 0 } = seconds;
  const needed = { stage1: prepare + stage1, stage2: prepare + stage1 + stage2 };
  return promptedStages.map((stage) => ({
    arm: armOfStage(stage),
    case: id,
    scores: scoreLabels(stages[stage]!, labels, manifest.labels),
    seconds: needed[stage],
    memory,
  }));
}
