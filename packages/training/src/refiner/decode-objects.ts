/**
 * One decoding of objects that are asked for in different ways. Objects prompted alike (mask or none, box or none, so many clicks) go
 * through the decoder together: it tells "no mask" and "no point" apart from empty ones, so that padding would change the answers.
 */
import type { HeadOutput, ImageEmbedding, Sam2Base } from "@rfmedsam/models";
import type { ObjectPrompts } from "@rfmedsam/segmenter";
import { F, type Tensor, tensor } from "@rfmedsam/torch";
import { indicesBy, joined } from "./batch.js";

/** What is shown of one object; nothing at all asks for it by its memories alone. */
export interface ObjectPrompt {
  /** x0 y0 x1 y1 in input pixels */
  readonly box?: Float32Array | undefined;
  /** logits `[m, m]` */
  readonly mask?: Float32Array | undefined;
  readonly points?: { readonly coords: Float32Array; readonly labels: Int32Array } | undefined;
}

/** One row of a slice's prompts. */
export function promptOf({ count, boxes, masks, points }: ObjectPrompts, row: number): ObjectPrompt {
  const part = <T extends Float32Array | Int32Array>(all: T) =>
    all.subarray((row * all.length) / count, ((row + 1) * all.length) / count) as T;
  return {
    box: boxes && part(boxes),
    mask: masks && part(masks),
    points: points && { coords: part(points.coords), labels: part(points.labels) },
  };
}

/** Of a tensor with an entry an object, the entries of some objects. */
type Pick = (x: Tensor) => Tensor;

/**
 * @param features `[objects, C, h, w]`, with memories mixed in or told that there are none
 * @param highRes of each object's own slice
 * @param prompts one per object
 */
export function decodeObjects(
  sam2: Sam2Base,
  features: Tensor,
  highRes: ImageEmbedding["highRes"],
  prompts: readonly ObjectPrompt[],
): HeadOutput {
  const { device } = features;
  return answerByKind(indicesBy(prompts, kindOf), device, (_, members, pick) =>
    sam2.decode(
      pick(features),
      promptTensors(
        members.map((member) => prompts[member]!),
        device,
      ),
      { highRes: pickHighRes(highRes, pick), multimask: false },
    ),
  );
}

/** Answers all objects, those of a kind at once. @param kinds every object once */
export function answerByKind<Kind>(
  kinds: ReadonlyMap<Kind, readonly number[]>,
  device: string,
  answer: (kind: Kind, members: readonly number[], pick: Pick) => HeadOutput,
): HeadOutput {
  const answers = Array.from(kinds, ([kind, members]) => {
    const index = tensor([...members], [members.length], { dtype: "int64" }).to({ device });
    return answer(kind, members, (x) => (kinds.size === 1 ? x : x.indexSelect(0, index)));
  });
  if (answers.length === 1) return answers[0]!;
  const order = [...kinds.values()].flat();
  const back = new Array<number>(order.length);
  for (const [from, to] of order.entries()) back[to] = from;
  const index = tensor(back, [back.length], { dtype: "int64" }).to({ device });
  const together = (part: keyof HeadOutput) => F.cat(answers.map((head) => head[part])).indexSelect(0, index);
  return {
    lowResMultimasks: together("lowResMultimasks"),
    ious: together("ious"),
    lowResMasks: together("lowResMasks"),
    highResMasks: together("highResMasks"),
    pointer: together("pointer"),
    objectScores: together("objectScores"),
  };
}

export function pickHighRes(highRes: ImageEmbedding["highRes"], pick: Pick): ImageEmbedding["highRes"] {
  return highRes && [pick(highRes[0]), pick(highRes[1])];
}

function kindOf({ box, mask, points }: ObjectPrompt): string {
  return `${box !== undefined} ${mask !== undefined} ${points?.labels.length ?? 0}`;
}

/** Prompts of one kind. */
function promptTensors(prompts: readonly ObjectPrompt[], device: string) {
  const count = prompts.length;
  const [first] = prompts;
  const all = (part: (prompt: ObjectPrompt) => Float32Array) => joined(prompts.map(part));
  const side = Math.sqrt(first?.mask?.length ?? 0);
  const perObject = first?.points?.labels.length ?? 0;
  return {
    boxes:
      first?.box &&
      tensor(
        all(({ box }) => box!),
        [count, 4],
        { device },
      ),
    masks:
      first?.mask &&
      tensor(
        all(({ mask }) => mask!),
        [count, 1, side, side],
        { device },
      ),
    points: first?.points && {
      coords: tensor(
        all(({ points }) => points!.coords),
        [count, perObject, 2],
        { device },
      ),
      labels: tensor(Int32Array.from(prompts.flatMap(({ points }) => [...points!.labels])), [count, perObject], {
        device,
      }),
    },
  };
}
