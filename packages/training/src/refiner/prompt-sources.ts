/**
 * Where the prompts of a training sequence come from. A table: a new source is one row. Whatever the source, prompts are planned and
 * made by the segmenter's own functions, as when predicting; only boxes are moved a little afterwards.
 */
import type { Random } from "@rfmedsam/base";
import {
  boxToVoxels,
  type PixelBox,
  type PromptPlan,
  padBox,
  planPrompts,
  type SliceFrame,
  type SliceLabels,
  type SliceProbabilities,
  type SlicePrompts,
  slicePrompts,
  voxelToInput,
} from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import { drawCertainty, drawDegradation, pretendedProbabilities } from "./degrade.js";

type RefinerConfiguration = TrainingConfiguration["refiner"];
export type PromptSource = keyof RefinerConfiguration["promptSources"];

/** What predicted a case: a U-Net that has not seen it, or the prompt generator that is being trained. */
export interface Prediction {
  readonly probabilities: SliceProbabilities;
  /** What is asked on every slice; made from the whole case, or from the sequence. */
  readonly plan: PromptPlan;
  readonly labels: SliceLabels;
}

/** A sequence about to be prompted. */
export interface PromptContext {
  readonly frame: SliceFrame;
  /** With the background. */
  readonly classes: number;
  readonly configuration: Pick<RefinerConfiguration, "imageSize" | "prompts" | "boxJitter">;
  /** Slice numbers of the sequence, ascending. */
  readonly slices: readonly number[];
  readonly truth: SliceLabels;
  readonly prediction: Prediction;
  readonly random: Random;
}

/** What is asked on a slice, if anything. */
export type Ask = (slice: number) => SlicePrompts | undefined;

const sources: { readonly [Source in PromptSource]: (context: PromptContext) => Ask } = {
  outOfFold(context) {
    const { frame, classes, configuration, prediction } = context;
    const { prompts, imageSize } = configuration;
    return jittering(context, (slice) =>
      slicePrompts(prediction.plan, slice, prediction.probabilities, frame, classes, imageSize / 4, prompts),
    );
  },
  degradedTruth: (context) => fromDegraded(context, context.truth),
  degradedPrediction: (context) => fromDegraded(context, context.prediction.labels),
  mask: (context) => {
    // Beyond the object's ends the true mask is empty, which a person may give and memories have to tell.
    const { marginSlices } = context.configuration.prompts;
    const ask = fromLabels(context, context.truth, { kind: "mask", marginSlices });
    return (slice) => {
      const asked = ask(slice);
      return asked && { ...asked, prompts: { count: asked.prompts.count } };
    };
  },
  box: (context) => jittering(context, fromLabels(context, context.truth, { kind: "box" })),
  clicks(context) {
    const count = 1 + context.random.below(mostClicks);
    const ask = fromLabels(context, context.truth, { kind: "box", boxMargin: 0 });
    return (slice) => {
      const asked = ask(slice);
      return asked && { ...asked, prompts: clicksInto(asked, context.truth(slice), count, context) };
    };
  },
};

/** Clicks a sequence's objects get at most; all of them equally many. */
const mostClicks = 3;

/**
 * Whether stage 1 is not asked but given the true masks for its answer, and stage 2 has to find every slice's objects by what the other
 * slices left in memory: what happens when a person gives a mask on one slice.
 */
export const givesAnswer = (source: PromptSource): boolean => source === "mask";

export function drawSource(weights: RefinerConfiguration["promptSources"], random: Random): PromptSource {
  const all = Object.entries(weights) as [PromptSource, number][];
  let left = random.uniform(
    0,
    all.reduce((sum, [, weight]) => sum + weight, 0),
  );
  const drawn = all.find(([, weight]) => {
    left -= weight;
    return left < 0;
  });
  return (drawn ?? all.findLast(([, weight]) => weight > 0)!)[0];
}

/** How a sequence is prompted from a source. Slices must be asked in ascending order, each once: some draw from the stream. */
export function promptsFrom(source: PromptSource, context: PromptContext): Ask {
  return sources[source](context);
}

/**
 * A plan of the sequence alone, from labels; without a margin of slices unless changed: there is no true box beyond the object. And without
 * bridges: a mask that its neighbours contradict is to be mended where no bridge spans it, too.
 */
function fromLabels(
  { frame, classes, configuration, slices }: PromptContext,
  labels: SliceLabels,
  changes: Partial<RefinerConfiguration["prompts"]>,
  certainty = 0.98,
): Ask {
  const options = { ...configuration.prompts, marginSlices: 0, bridgeSlices: 0, ...changes };
  const own = slices.map(labels);
  const plan = planPrompts((index) => own[index]!, { ...frame, count: slices.length }, classes, options);
  const probabilities: SliceProbabilities = (index) => pretendedProbabilities(own[index]!, classes, certainty);
  return (slice) => {
    const asked = slicePrompts(
      plan,
      slices.indexOf(slice),
      probabilities,
      frame,
      classes,
      configuration.imageSize / 4,
      options,
    );
    return asked && { ...asked, slice };
  };
}

function fromDegraded(context: PromptContext, labels: SliceLabels): Ask {
  const { frame, classes, configuration, slices, random } = context;
  const { height, width } = frame;
  const degrade = drawDegradation(random, classes);
  const degraded: SliceLabels = (slice) =>
    degrade({ labels: labels(slice), height, width, index: slices.indexOf(slice) });
  const { marginSlices } = configuration.prompts;
  return jittering(context, fromLabels(context, degraded, { marginSlices }, drawCertainty(random)));
}

/** The same prompts with boxes moved a little. */
function jittering({ frame, configuration, random }: PromptContext, ask: Ask): Ask {
  return (slice) => {
    const asked = ask(slice);
    if (asked === undefined) return undefined;
    const boxes = new Float32Array(asked.boxes.length);
    for (let at = 0; at < boxes.length; at += 4) {
      const box = [...asked.boxes.subarray(at, at + 4)] as unknown as PixelBox;
      boxes.set(jitterBox(box, frame, configuration.boxJitter, random), at);
    }
    return {
      ...asked,
      boxes,
      prompts: asked.prompts.boxes === undefined ? asked.prompts : { ...asked.prompts, boxes },
    };
  };
}

/**
 * A box each of whose sides moved by a normal deviate of `deviation` × the box's length across it, at most `limit` pixels; it stays
 * inside the picture, and keeps at least a pixel.
 */
export function jitterBox(
  [x0, y0, x1, y1]: PixelBox,
  frame: SliceFrame,
  { deviation, limit }: RefinerConfiguration["boxJitter"],
  random: Random,
): PixelBox {
  const move = (side: number) => Math.min(Math.max(random.normal(0, deviation * (side + 1)), -limit), limit);
  const [width, height] = [x1 - x0, y1 - y0];
  const [left, top, right, bottom] = [x0 + move(width), y0 + move(height), x1 + move(width), y1 + move(height)];
  const ordered: PixelBox = [
    Math.min(left, right),
    Math.min(top, bottom),
    Math.max(left, right),
    Math.max(top, bottom),
  ];
  return padBox(ordered, 0, frame);
}

/**
 * Uniform clicks into each object: into those of its class's true voxels that lie in its box. Looked up among voxels, because a box of
 * pixels is thinner than the voxels below it where slices are made smaller.
 */
function clicksInto(
  { classes, boxes }: SlicePrompts,
  truth: Uint8Array,
  perObject: number,
  { frame, random }: PromptContext,
): SlicePrompts["prompts"] {
  const coords = new Float32Array(classes.length * perObject * 2);
  classes.forEach((label, row) => {
    const box = boxToVoxels(frame, [...boxes.subarray(row * 4, row * 4 + 4)] as unknown as PixelBox);
    const [x0, y0, x1, y1] = [box[0] - 0.5, box[1] - 0.5, box[2] + 0.5, box[3] + 0.5];
    const inside: (readonly [number, number])[] = [];
    for (let at = 0; at < truth.length; at++) {
      if (truth[at] !== label) continue;
      const [x, y] = [at % frame.width, Math.floor(at / frame.width)];
      if (x > x0 && x < x1 && y > y0 && y < y1) inside.push([x, y]);
    }
    for (let n = 0; n < perObject; n++) {
      coords.set(voxelToInput(frame, random.pick(inside)), (row * perObject + n) * 2);
    }
  });
  const labels = new Int32Array(classes.length * perObject).fill(1);
  return { count: classes.length, points: { coords, labels, perObject } };
}
