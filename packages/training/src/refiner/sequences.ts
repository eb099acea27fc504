/**
 * Training samples of the refiner: a few consecutive slices of a case, each with its picture, the prompts of every class asked for,
 * and the true masks. All on the frame the segmenter uses when predicting.
 */
import type { Random } from "@rfmedsam/base";
import {
  extractSlice,
  fitInto,
  type PromptOptions,
  type PromptPlan,
  planPrompts,
  renderSlice,
  type SliceFrame,
  type SliceLabels,
  type SliceProbabilities,
  type SlicePrompts,
  sliceFrame,
  slicePrompts,
} from "@rfmedsam/segmenter";
import type { Tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { drawDegradation, pretendedProbabilities } from "./degrade.js";
import { probabilitiesOf, winnersOf } from "./predictions.js";

type RefinerConfiguration = TrainingConfiguration["refiner"];

/** One slice of a sample. */
export interface SliceSample {
  readonly slice: number;
  /** `[3, S, S]` */
  readonly image: Float32Array;
  readonly asked: SlicePrompts;
  /** True masks of the classes asked for, 0/1 `[n, S, S]`. */
  readonly truth: Float32Array;
  /** True class of every pixel `[S, S]`. */
  readonly labels: Uint8Array;
}

export interface SequenceSample {
  readonly frame: SliceFrame;
  /** Those slices of the sequence where anything is asked for. */
  readonly slices: readonly SliceSample[];
}

/** A case with what its prompts are made from. */
export class RefinerCase {
  readonly frame: SliceFrame;
  readonly #predicted: SliceProbabilities;
  readonly #predictedLabels: SliceLabels;
  #plan: PromptPlan | undefined;

  /** @param logits step 0's out-of-fold logits `[K, z, y, x]` */
  constructor(
    readonly stored: StoredCase,
    logits: Tensor,
    readonly classes: number,
    readonly configuration: RefinerConfiguration,
  ) {
    this.frame = sliceFrame(stored.shape, stored.spacing, configuration.axis, configuration.imageSize);
    this.#predicted = probabilitiesOf(logits, this.frame.axis);
    this.#predictedLabels = winnersOf(logits, this.frame.axis);
  }

  /** What is asked on every slice when prompts come from step 0's predictions; made once. */
  get plan(): PromptPlan {
    this.#plan ??= planPrompts(this.#predictedLabels, this.frame, this.classes, this.configuration.prompts);
    return this.#plan;
  }

  truthOf(slice: number): Uint8Array {
    const { height, width, axis } = this.frame;
    return extractSlice(this.stored.truth, this.stored.shape, axis, slice, new Uint8Array(height * width));
  }

  /** A sequence around a random voxel of a random class; without slices if nothing is asked for in it. */
  draw(random: Random): SequenceSample {
    const slices = this.#window(random);
    const { degradedTruth, prompts, imageSize } = this.configuration;
    const maskSize = imageSize / 4;
    const ask = random.chance(degradedTruth)
      ? this.#askDegraded(slices, maskSize, prompts, random)
      : (slice: number) => slicePrompts(this.plan, slice, this.#predicted, this.frame, this.classes, maskSize, prompts);
    const samples = slices.flatMap((slice) => {
      const asked = ask(slice);
      return asked === undefined ? [] : [this.#sample(slice, asked)];
    });
    return { frame: this.frame, slices: samples };
  }

  #window(random: Random): number[] {
    const { count, axis } = this.frame;
    const { locations, shape } = this.stored;
    const present = locations.filter((list) => list.length > 0);
    const length = Math.min(count, this.configuration.sequence);
    let middle = random.below(count);
    if (present.length > 0) {
      const list = random.pick(present);
      const flat = list[random.below(list.length)]!;
      const position = [
        Math.floor(flat / (shape[1] * shape[2])),
        Math.floor(flat / shape[2]) % shape[1],
        flat % shape[2],
      ];
      middle = position[axis]!;
    }
    const first = Math.min(Math.max(0, middle - random.below(length)), count - length);
    return Array.from({ length }, (_, i) => first + i);
  }

  #askDegraded(slices: readonly number[], maskSize: number, options: PromptOptions, random: Random) {
    const { height, width } = this.frame;
    const degrade = drawDegradation(random, this.classes);
    const degraded = slices.map((slice) => degrade({ labels: this.truthOf(slice), height, width }));
    const probabilities: SliceProbabilities = (index) => pretendedProbabilities(degraded[index]!, this.classes);
    const plan = planPrompts((index) => degraded[index]!, { count: slices.length }, this.classes, options);
    return (slice: number) =>
      slicePrompts(plan, slices.indexOf(slice), probabilities, this.frame, this.classes, maskSize, options);
  }

  #sample(slice: number, asked: SlicePrompts): SliceSample {
    const size = this.frame.imageSize;
    const image = new Float32Array(3 * size * size);
    renderSlice(this.stored, this.frame, slice, { colours: this.configuration.slices }, image);
    const { labels, fitted } = fitLabels(this.truthOf(slice), this.frame, size);
    const truth = new Float32Array(asked.classes.length * size * size);
    asked.classes.forEach((label, row) => {
      const mask = fitted.get(label);
      if (mask === undefined) return;
      const offset = row * size * size;
      for (let i = 0; i < mask.length; i++) if (mask[i]! > 0.5) truth[offset + i] = 1;
    });
    return { slice, image, asked, truth, labels };
  }
}

/** A slice of labels at another size: every class's share of each pixel, and the class with the largest. */
function fitLabels(
  slice: Uint8Array,
  frame: SliceFrame,
  size: number,
): { labels: Uint8Array; fitted: Map<number, Float32Array> } {
  const fitted = new Map<number, Float32Array>();
  const labels = new Uint8Array(size * size);
  const best = new Float32Array(size * size).fill(0.5);
  const own = new Float32Array(slice.length);
  for (const label of new Set(slice)) {
    if (label === 0) continue;
    for (let i = 0; i < slice.length; i++) own[i] = slice[i] === label ? 1 : 0;
    const share = fitInto(own, frame, size, 0);
    fitted.set(label, share);
    for (let i = 0; i < share.length; i++) {
      if (share[i]! <= best[i]!) continue;
      best[i] = share[i]!;
      labels[i] = label;
    }
  }
  return { labels, fitted };
}
