/**
 * Stages 1 and 2 with gradients, over a batch of sequences at once: the same steps the segmenter takes slice by slice, with its own
 * choice of memories and its own prompts for stage 2.
 */
import type { HeadOutput, ImageEmbedding, MemorySet } from "@rfmedsam/models";
import {
  chooseReferences,
  type MemoryOptions,
  type PromptOptions,
  refinementPrompts,
  type SliceResult,
} from "@rfmedsam/segmenter";
import { noGrad, type Tensor, tensor } from "@rfmedsam/torch";
import { type Batch, indicesBy } from "./batch.js";
import { answerByKind, decodeObjects, type ObjectPrompt, pickHighRes, promptOf } from "./decode-objects.js";
import type { RefinerModel } from "./model.js";
import { givesAnswer } from "./prompt-sources.js";

export interface StagesOptions {
  readonly prompts: PromptOptions;
  readonly memory: MemoryOptions;
  readonly device: string;
  /** The images of the batch, if they are encoded already. */
  readonly encoded?: ImageEmbedding | undefined;
  /**
   * Objects that stage 2 asks for by their memories alone, without stage 1's mask and box, beside those whose stage 1 was given. None by
   * default.
   */
  readonly unprompted?: ((object: number) => boolean) | undefined;
}

/** Both stages' answers for all objects of a batch that has any. */
export function runStages(
  model: RefinerModel,
  batch: Batch,
  options: StagesOptions,
): { stage1: HeadOutput; stage2: HeadOutput } {
  const { sam2 } = model;
  const { device, prompts, unprompted } = options;
  const perImage = options.encoded ?? sam2.encodeImage(batch.images);
  const embedding = gather(
    perImage,
    batch.objects.map((object) => object.image),
    device,
  );

  const stage1 = runStage1(model, batch, embedding, device);
  // Of small masks, as when predicting: a given one loses its finest detail.
  const memory = sam2.encodeMemory(embedding, sam2.enlarge(stage1.lowResMasks), stage1.objectScores);
  const answers = answersOf(batch, stage1);
  const sets = referencesOf(batch, answers, sam2.config.numMaskmem, options.memory).map(
    (list): MemorySet => ({
      spatial: list.map(({ object, position }) => ({ features: memory.narrow(0, object, 1), distance: position })),
      pointers: list.map(({ object, offset }) => ({ pointer: stage1.pointer.narrow(0, object, 1), distance: -offset })),
    }),
  );
  const second = sam2.condition(embedding, sets);
  const again = answers.flatMap((slices, sequence) => {
    const { frame } = batch.sequences[sequence]!;
    return [...slices.values()].flatMap(({ result, boxes }): ObjectPrompt[] => {
      const refined = refinementPrompts(result, boxes, frame, frame.imageSize / 4, prompts);
      return result.classes.map((_, row) => promptOf(refined, row));
    });
  });
  const shown = again.map((prompt, object) => (unprompted?.(object) || isGiven(batch, object) ? {} : prompt));
  const stage2 = decodeObjects(sam2, second, embedding.highRes, shown);
  return { stage1, stage2 };
}

/** Masks that are given are the answer, as SAM 2 takes a person's mask; all other objects are asked for. */
function runStage1({ sam2 }: RefinerModel, batch: Batch, embedding: ImageEmbedding, device: string): HeadOutput {
  const kinds = indicesBy([...batch.objects.keys()], (object) => isGiven(batch, object));
  return answerByKind(kinds, device, (given, members, pick) => {
    const highRes = pickHighRes(embedding.highRes, pick);
    if (given) return sam2.maskAsOutput(pick(embedding.features), pick(batch.truth), highRes);
    const asked = members.map((member) => {
      const { sample, row } = batch.objects[member]!;
      return promptOf(sample.asked.prompts, row);
    });
    return decodeObjects(sam2, pick(sam2.condition(embedding, { spatial: [] })), highRes, asked);
  });
}

const isGiven = ({ sequences, objects }: Batch, object: number): boolean =>
  givesAnswer(sequences[objects[object]!.sequence]!.source);

/** Each object's own copy of its slice's embedding. */
function gather(
  { features, position, highRes }: ImageEmbedding,
  images: readonly number[],
  device: string,
): ImageEmbedding {
  const index = tensor([...images], [images.length], { dtype: "int64" }).to({ device });
  const pick = (x: Tensor) => x.indexSelect(0, index);
  return { features: pick(features), position, highRes: highRes && [pick(highRes[0]), pick(highRes[1])] };
}

/** What stage 1 said of the objects of a slice. */
interface SliceAnswer {
  readonly result: SliceResult;
  /** `[n, 4]`: what it was asked with. */
  readonly boxes: Float32Array;
  /** The first of its objects in the batch. */
  readonly first: number;
}

/** Per sequence, by slice number, the slices that have objects. No gradient goes through them. */
function answersOf({ sequences, objects }: Batch, stage1: HeadOutput): Map<number, SliceAnswer>[] {
  const [logits, ious, scores] = noGrad(() =>
    [stage1.lowResMasks, stage1.ious, stage1.objectScores].map((part) => part.float().toFloat32Array()),
  ) as [Float32Array, Float32Array, Float32Array];
  const pixels = stage1.lowResMasks.size(-1) ** 2;
  const answers = sequences.map(() => new Map<number, SliceAnswer>());
  for (const members of indicesBy(objects, ({ image }) => image).values()) {
    const [first, end] = [members[0]!, members[0]! + members.length];
    const { sequence, sample } = objects[first]!;
    const { slice, asked } = sample;
    const result = {
      slice,
      classes: asked.classes,
      logits: logits.subarray(first * pixels, end * pixels),
      ious: ious.subarray(first, end),
      objectScores: scores.subarray(first, end),
    };
    answers[sequence]!.set(slice, { result, boxes: asked.boxes, first });
  }
  return answers;
}

interface Reference {
  /** Index into the batch's objects. */
  readonly object: number;
  readonly position: number;
  readonly offset: number;
}

/** For every object, in order, the stage-1 memories of its like on the other slices of its sequence. */
function referencesOf(
  { objects }: Batch,
  answers: readonly ReadonlyMap<number, SliceAnswer>[],
  slots: number,
  memory: MemoryOptions,
): Reference[][] {
  const chosen = answers.map((slices) =>
    chooseReferences(
      new Map(Array.from(slices, ([slice, { result }]) => [slice, result])),
      new Map(Array.from(slices, ([slice, { boxes }]) => [slice, boxes])),
      slots,
      memory,
    ),
  );
  return objects.map(({ sequence, sample, row }) =>
    chosen[sequence]!.get(sample.slice)![row]!.map(({ slice, row: other, position, offset }) => ({
      object: answers[sequence]!.get(slice)!.first + other,
      position,
      offset,
    })),
  );
}
