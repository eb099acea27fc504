/** Kinds of prompts that are made from the truth, a row each: what is asked on one slice of one object. */
import type { SliceAnswer, VolumePredictor } from "@rfmedsam/segmenter";
import { type Extent, nextClick } from "./clicks.js";

/** Where a prompt is made: the true mask of an object on a slice, which is not empty. */
export interface Occasion {
  readonly predictor: VolumePredictor;
  readonly slice: number;
  readonly object: number;
  /** `[h, w]`, 0 or 1. */
  readonly truth: Uint8Array;
  readonly size: Extent;
}

export interface PromptKindRow {
  readonly sentence: string;
  /** @returns the slice's masks, of all objects */
  readonly ask: (occasion: Occasion) => Promise<SliceAnswer>;
}

export const truePrompts = {
  mask: {
    sentence: "the true mask, which SAM 2 then answers with on that slice: what is measured there is resampling",
    ask: ({ predictor, slice, object, truth }) => predictor.addMask(slice, object, truth),
  },
  box: {
    sentence: "the box around the true mask: its first and last row and column",
    ask: ({ predictor, slice, object, truth, size }) =>
      predictor.addPoints(slice, object, { box: boxAround(truth, size) }),
  },
  click: {
    sentence: "one click in the middle of the object",
    ask: (occasion) => askClicks(occasion, 1),
  },
  clicks3: {
    sentence: "a click in the middle of the object and two in the middle of what is then the largest error",
    ask: (occasion) => askClicks(occasion, 3),
  },
} as const satisfies Record<string, PromptKindRow>;

export type TruePrompt = keyof typeof truePrompts;
export const truePromptNames = Object.keys(truePrompts) as TruePrompt[];

/** The object's mask on a slice. @returns `[h, w]`, 0 or 1 */
export function maskOf({ objectIds, logits }: SliceAnswer, object: number): Uint8Array {
  const pixels = logits.length / objectIds.length;
  const from = objectIds.indexOf(object) * pixels;
  return Uint8Array.from(logits.subarray(from, from + pixels), (logit) => (logit > 0 ? 1 : 0));
}

/** First and last column and row; a line is widened by a pixel, since a box has two sides. */
export function boxAround(mask: Uint8Array, { height, width }: Extent): [number, number, number, number] {
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  for (let y = 0, at = 0; y < height; y++) {
    for (let x = 0; x < width; x++, at++) {
      if (mask[at] === 0) continue;
      [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), y];
    }
  }
  return [x0, y0, Math.max(x1, x0 + 1), Math.max(y1, y0 + 1)];
}

/** Each click after the first one corrects the answer to those before. */
async function askClicks({ predictor, slice, object, truth, size }: Occasion, count: number): Promise<SliceAnswer> {
  let answer: SliceAnswer | undefined;
  for (let n = 0; n < count; n++) {
    const click = nextClick(truth, size, answer && maskOf(answer, object));
    if (click === undefined) break;
    const given = { points: [click.at], labels: [click.label], clearOld: answer === undefined };
    answer = await predictor.addPoints(slice, object, given);
  }
  return answer!;
}
