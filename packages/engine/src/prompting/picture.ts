/** Prompts on one picture, answered: a mask per object. */
import { ConfigError, EngineError } from "@rfmedsam/base";
import type { RgbPicture } from "@rfmedsam/imaging";
import { ImagePredictor, type PictureSize, type PromptableNetwork } from "@rfmedsam/segmenter";
import { maskLogits } from "./mask-prompt.js";
import {
  checkAsked,
  checkedBox,
  type GivenPrompts,
  type ObjectQuestion,
  type PlacedPrompt,
  questionsOf,
} from "./prompts.js";

/** An object of a picture, as it was found. */
export interface FoundObject {
  readonly object: number;
  /** `[height, width]`, 0 and 1. */
  readonly mask: Uint8Array;
  /** `[height, width]` mask logits. */
  readonly logits: Float32Array;
  /** Predicted IoU. */
  readonly score: number;
  /** Pixels inside. */
  readonly area: number;
  /** First and last column and row; undefined when nothing was found. */
  readonly box: readonly [x0: number, y0: number, x1: number, y1: number] | undefined;
}

/**
 * A single click can mean a part or the whole: of the alternatives the one with the highest predicted IoU is taken. Everything else gets
 * the network's single answer.
 *
 * @throws ConfigError for prompts that make no sense or lie outside the picture, GeometryError for a mask of another size, EngineError when
 *   the network's answer is no number
 */
export async function promptPicture(
  network: PromptableNetwork,
  picture: RgbPicture,
  prompts: GivenPrompts,
): Promise<FoundObject[]> {
  const questions = questionsOf(placedOnPicture(prompts, picture));
  checkAsked(questions);
  return answerQuestions(network, picture, questions);
}

/** The same for questions that are put already. */
export async function answerQuestions(
  network: PromptableNetwork,
  picture: RgbPicture,
  questions: readonly ObjectQuestion[],
): Promise<FoundObject[]> {
  const asked = questions.map((question) => ({
    object: question.object,
    prompts: {
      points: question.points,
      labels: question.labels,
      box: question.box,
      mask: question.mask && maskLogits(question.mask, picture, network),
      multimask: question.points.length === 1 && question.box === undefined && question.mask === undefined,
    },
  }));
  using predictor = new ImagePredictor(network);
  await predictor.setImage(picture);
  const found: FoundObject[] = [];
  for (const { object, prompts } of asked) {
    const { logits, ious, threshold } = await predictor.predict(prompts);
    const best = ious.reduce((leader, iou, n) => (iou > ious[leader]! ? n : leader), 0);
    if (!Number.isFinite(ious[best])) {
      throw new EngineError({ found: `a predicted IoU of ${ious[best]} for object ${object}`, expected: "a number" });
    }
    const pixels = picture.height * picture.width;
    const own = logits.slice(best * pixels, (best + 1) * pixels);
    found.push({ object, logits: own, score: ious[best]!, ...measured(own, threshold, picture.width) });
  }
  return found;
}

function measured(logits: Float32Array, threshold: number, width: number): Pick<FoundObject, "mask" | "area" | "box"> {
  const mask = new Uint8Array(logits.length);
  let [area, x0, y0, x1, y1] = [0, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY, -1, -1];
  for (let at = 0; at < mask.length; at++) {
    if (!(logits[at]! > threshold)) continue;
    mask[at] = 1;
    area += 1;
    const [x, y] = [at % width, Math.floor(at / width)];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  }
  return { mask, area, box: area === 0 ? undefined : [x0, y0, x1, y1] };
}

function placedOnPicture({ points = [], boxes = [], masks = [] }: GivenPrompts, size: PictureSize): PlacedPrompt[] {
  const sliced = [...boxes, ...masks].find(({ slice }) => slice !== undefined);
  if (sliced !== undefined) {
    throw new ConfigError({
      found: `a prompt on slice ${sliced.slice}`,
      expected: "no slice: a picture has none",
    });
  }
  return [
    ...points.map(({ object, at, label }): PlacedPrompt => {
      const [x = Number.NaN, y = Number.NaN, ...more] = at;
      if (more.length > 0 || !isInside(x, y, size)) throw outside(`a point at (${at.join(", ")})`, size);
      return { kind: "point", object, at: [x, y], label };
    }),
    ...boxes.map(({ object, box }): PlacedPrompt => {
      const [x0, y0, x1, y1] = checkedBox(box);
      if (!isInside(x0, y0, size) || !isInside(x1, y1, size)) throw outside(`a box [${box.join(", ")}]`, size);
      return { kind: "box", object, box };
    }),
    ...masks.map(({ object, mask }): PlacedPrompt => ({ kind: "mask", object, mask })),
  ];
}

/** The far edges belong to the picture: a box may end there. */
const isInside = (x: number, y: number, { height, width }: PictureSize) =>
  x >= 0 && x <= width && y >= 0 && y <= height;

function outside(what: string, { height, width }: PictureSize): ConfigError {
  return new ConfigError({
    found: what,
    expected: `pixels (x, y) of the picture: x from 0 to ${width}, y from 0 to ${height}`,
  });
}
