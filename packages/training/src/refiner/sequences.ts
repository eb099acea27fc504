/**
 * Training samples of the refiner: a few consecutive slices of a case, each with its picture, the prompts of every object asked for,
 * and the true masks. All on the frame the segmenter uses when predicting.
 */
import type { Random } from "@rfmedsam/base";
import {
  argmaxOfSlice,
  extractSlice,
  fitInto,
  fitOut,
  type PromptPlan,
  planPrompts,
  renderSlice,
  type SliceAxis,
  type SliceFrame,
  type SlicePrompts,
  sliceAxes,
  sliceFrame,
  softmaxInPlace,
} from "@rfmedsam/segmenter";
import type { Tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";
import { noisySlab, type Slab } from "./noisy-slab.js";
import { probabilitiesOf, winnersOf } from "./predictions.js";
import { drawSource, type Prediction, type PromptSource, promptsFrom } from "./prompt-sources.js";
import { objectTruth } from "./truth.js";

type RefinerConfiguration = TrainingConfiguration["refiner"];

/** One slice of a sample. */
export interface SliceSample {
  readonly slice: number;
  /** `[3, S, S]` */
  readonly image: Float32Array;
  readonly asked: SlicePrompts;
  /** True masks of the objects asked for, 0/1 `[n, S, S]`. */
  readonly truth: Float32Array;
  /** True class of every pixel `[S, S]`. */
  readonly labels: Uint8Array;
}

export interface SequenceSample {
  readonly frame: SliceFrame;
  readonly source: PromptSource;
  /** The slices of the sequence where anything is asked for. */
  readonly slices: readonly SliceSample[];
}

/** Slices and the source of their prompts, before there are prompts: a generator that is being trained proposes from the pictures. */
export interface SequenceDraft {
  readonly frame: SliceFrame;
  readonly source: PromptSource;
  readonly slices: readonly Pick<SliceSample, "slice" | "image" | "labels">[];
  /**
   * @param proposals the generator's class logits `[K, m, m]`, one entry a slice, in place of step 0's
   * @returns all slices; on some nothing may be asked for
   */
  prompted(proposals?: readonly Float32Array[]): SequenceSample;
}

/** A case cut along one axis. */
export interface CaseView {
  readonly axis: SliceAxis;
  readonly frame: SliceFrame;
  /** Step 0's; the plan is made when it is first asked for. */
  readonly prediction: Prediction;
}

/** A case with what its prompts are made from. */
export class RefinerCase {
  /** One, or all three axes when they are fused. */
  readonly views: readonly CaseView[];

  /** @param logits step 0's out-of-fold logits `[K, z, y, x]`; none when a generator proposes */
  constructor(
    readonly stored: StoredCase,
    logits: Tensor | undefined,
    readonly classes: number,
    readonly configuration: RefinerConfiguration,
  ) {
    const { axis, imageSize, prompts } = configuration;
    const axes = axis === "fused" ? (Object.keys(sliceAxes) as SliceAxis[]) : [axis];
    this.views = axes.map((own) => {
      const frame = sliceFrame(stored.shape, stored.spacing, own, imageSize);
      const prediction = logits === undefined ? nothingPredicted : predictionOf(logits, frame, classes, prompts);
      return { axis: own, frame, prediction };
    });
  }

  /** Of the first view. */
  get frame(): SliceFrame {
    return this.views[0]!.frame;
  }

  /** What is asked on every slice of the first view when prompts come from step 0's predictions. */
  get plan(): PromptPlan {
    return this.views[0]!.prediction.plan;
  }

  truthOf(slice: number, { height, width, axis }: SliceFrame = this.frame): Uint8Array {
    return extractSlice(this.stored.truth, this.stored.shape, axis, slice, new Uint8Array(height * width));
  }

  /** A sequence around a random voxel of a random class, along a random one of the views; without slices if nothing is asked for in it. */
  draw(random: Random): SequenceSample {
    const sample = this.draft(random).prompted();
    return { ...sample, slices: sample.slices.filter(({ asked }) => asked.classes.length > 0) };
  }

  /** The same before its prompts are made, with all its slices. */
  draft(random: Random): SequenceDraft {
    const { configuration, classes } = this;
    const { frame, prediction } = random.pick(this.views);
    const numbers = this.#window(frame, random);
    const source = drawSource(configuration.promptSources, random);
    const shown = this.#shown(frame, numbers, random);
    const slices = numbers.map((slice) => {
      const size = frame.imageSize;
      const image = new Float32Array(3 * size * size);
      const { slices: colours, channel } = configuration;
      renderSlice(shown.prepared, shown.frame, shown.at(slice), { colours, channel }, image);
      return { slice, image, ...fitLabels(this.truthOf(slice, frame), frame, size) };
    });
    const prompted = (proposals?: readonly Float32Array[]): SequenceSample => {
      const ask = promptsFrom(source, {
        frame,
        classes,
        configuration,
        slices: numbers,
        truth: (slice) => this.truthOf(slice, frame),
        prediction:
          proposals === undefined ? prediction : proposed(proposals, numbers, frame, classes, configuration.prompts),
        random,
      });
      return {
        frame,
        source,
        slices: slices.map(({ slice, image, labels, fitted }) => {
          const asked = ask(slice) ?? nothingAsked(slice);
          return { slice, image, labels, asked, truth: objectTruth(asked, fitted, frame.imageSize) };
        }),
      };
    };
    return { frame, source, slices, prompted };
  }

  /** What the pictures are made of: the case, now and then with noise. */
  #shown(frame: SliceFrame, numbers: readonly number[], random: Random): Slab {
    const { share, deviation } = this.configuration.noise;
    if (!random.chance(share)) return { prepared: this.stored, frame, at: (slice) => slice };
    return noisySlab(this.stored, frame, numbers, random.uniform(0, deviation), random);
  }

  #window({ count, axis }: SliceFrame, random: Random): number[] {
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
}

function nothingAsked(slice: number): SlicePrompts {
  return { slice, classes: [], prompts: { count: 0 }, boxes: new Float32Array(0) };
}

const nothingPredicted: Prediction = {
  plan: [],
  probabilities: () => new Float32Array(0),
  labels: () => new Uint8Array(0),
};

function predictionOf(
  logits: Tensor,
  frame: SliceFrame,
  classes: number,
  prompts: RefinerConfiguration["prompts"],
): Prediction {
  const labels = winnersOf(logits, frame.axis);
  let plan: PromptPlan | undefined;
  return {
    probabilities: probabilitiesOf(logits, frame.axis),
    labels,
    get plan() {
      plan ??= planPrompts(labels, frame, classes, prompts);
      return plan;
    },
  };
}

/** A generator's logits of some slices as a prediction; the plan knows of those slices alone. */
function proposed(
  proposals: readonly Float32Array[],
  slices: readonly number[],
  frame: SliceFrame,
  classes: number,
  prompts: RefinerConfiguration["prompts"],
): Prediction {
  const [voxels, side] = [frame.height * frame.width, frame.imageSize / 4];
  const bySlice = new Map(
    slices.map((slice, n) => {
      const scores = new Float32Array(classes * voxels);
      for (let k = 0; k < classes; k++) {
        scores.set(fitOut(proposals[n]!.subarray(k * side * side, (k + 1) * side * side), frame, side), k * voxels);
      }
      return [slice, softmaxInPlace(scores, classes, voxels)];
    }),
  );
  const nothing = new Uint8Array(voxels);
  const labels = (slice: number) => {
    const scores = bySlice.get(slice);
    return scores === undefined ? nothing : argmaxOfSlice(scores, classes, voxels);
  };
  return { probabilities: (slice) => bySlice.get(slice)!, labels, plan: planPrompts(labels, frame, classes, prompts) };
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
