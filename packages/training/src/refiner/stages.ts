/**
 * Stages 1 and 2 with gradients, over a batch of sequences at once: the same steps the segmenter takes slice by slice, with the
 * same choice of memories and the same prompts for stage 2.
 */
import type { HeadOutput, ImageEmbedding, MemorySet } from "@rfmedsam/models";
import {
  boxOfLogits,
  chooseMemories,
  clampLogits,
  confidenceOf,
  equallyLong,
  type MemoryOptions,
  type PromptOptions,
  padBox,
  promptGenerators,
} from "@rfmedsam/segmenter";
import { noGrad, type Tensor, tensor } from "@rfmedsam/torch";
import type { RefinerModel } from "./model.js";
import type { SequenceSample, SliceSample } from "./sequences.js";

/** One object of the batch: a class on a slice of a sequence. */
export interface BatchObject {
  readonly sequence: number;
  /** Index of its slice in the batch of images. */
  readonly image: number;
  readonly sample: SliceSample;
  /** Which of the slice's objects. */
  readonly row: number;
  readonly class: number;
}

export interface Batch {
  readonly sequences: readonly SequenceSample[];
  readonly samples: readonly SliceSample[];
  readonly objects: readonly BatchObject[];
  /** `[images, 3, S, S]` */
  readonly images: Tensor;
  /** 0/1 `[objects, 1, S, S]` */
  readonly truth: Tensor;
  /** int64 `[images, S, S]` */
  readonly labels: Tensor;
}

export function makeBatch(sequences: readonly SequenceSample[], imageSize: number, device: string): Batch {
  const samples = sequences.flatMap((sequence) => sequence.slices);
  const objects: BatchObject[] = [];
  let image = 0;
  for (const [index, { slices }] of sequences.entries()) {
    for (const sample of slices) {
      for (const [row, label] of sample.asked.classes.entries())
        objects.push({ sequence: index, image, sample, row, class: label });
      image += 1;
    }
  }
  const size = [imageSize, imageSize];
  return {
    sequences,
    samples,
    objects,
    images: tensor(joined(samples.map((s) => s.image)), [samples.length, 3, ...size], { device }),
    truth: tensor(joined(samples.map((s) => s.truth)), [objects.length, 1, ...size], { device }),
    labels: tensor(joinedBytes(samples.map((s) => s.labels)), [samples.length, ...size], { device, dtype: "int64" }),
  };
}

export interface StagesOptions {
  readonly prompts: PromptOptions;
  readonly memory: MemoryOptions;
  readonly device: string;
}

/** Both stages' answers for all objects of a batch. */
export function runStages(
  model: RefinerModel,
  batch: Batch,
  options: StagesOptions,
): { stage1: HeadOutput; stage2: HeadOutput } {
  const { sam2 } = model;
  const { device, prompts } = options;
  const perImage = sam2.encodeImage(batch.images);
  const embedding = gather(
    perImage,
    batch.objects.map((object) => object.image),
    device,
  );

  const asked = stage1Prompts(batch, sam2.config.imageSize / 4, device);
  const first = sam2.condition(embedding, { spatial: [] });
  const stage1 = sam2.decode(first, asked, { highRes: embedding.highRes, multimask: false });

  const memory = sam2.encodeMemory(embedding, stage1.highResMasks, stage1.objectScores);
  const references = chooseReferences(batch, stage1, sam2.config.numMaskmem, options.memory);
  const sets = references.map(
    (list): MemorySet => ({
      spatial: list.map(({ object, position }) => ({ features: memory.narrow(0, object, 1), distance: position })),
      pointers: list.map(({ object, offset }) => ({ pointer: stage1.pointer.narrow(0, object, 1), distance: -offset })),
    }),
  );
  const second = sam2.condition(embedding, sets);
  const stage2 = sam2.decode(second, stage2Prompts(batch, stage1, prompts, device), {
    highRes: embedding.highRes,
    multimask: false,
  });
  return { stage1, stage2 };
}

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

interface DecoderInput {
  readonly boxes?: Tensor;
  readonly masks?: Tensor;
}

function stage1Prompts({ objects, samples }: Batch, maskSize: number, device: string): DecoderInput {
  const boxes = samples.every((s) => s.asked.prompts.boxes) && joined(samples.map((s) => s.asked.prompts.boxes!));
  const masks = samples.every((s) => s.asked.prompts.masks) && joined(samples.map((s) => s.asked.prompts.masks!));
  return {
    ...(boxes && { boxes: tensor(boxes, [objects.length, 4], { device }) }),
    ...(masks && { masks: tensor(masks, [objects.length, 1, maskSize, maskSize], { device }) }),
  };
}

/** As the segmenter's `refinementPrompts`, for a whole batch: stage-1 logits as masks (no gradient), boxes of their foreground. */
function stage2Prompts(
  { objects, sequences }: Batch,
  stage1: HeadOutput,
  { kind, boxMargin }: PromptOptions,
  device: string,
): DecoderInput {
  const logits = noGrad(() => stage1.lowResMasks.toFloat32Array());
  const side = stage1.lowResMasks.size(-1);
  const boxes = new Float32Array(objects.length * 4);
  objects.forEach(({ sequence, sample, row }, n) => {
    const { frame } = sequences[sequence]!;
    const box = boxOfLogits(logits.subarray(n * side * side, (n + 1) * side * side), side, frame.imageSize);
    boxes.set(
      box === undefined ? sample.asked.boxes.subarray(row * 4, row * 4 + 4) : padBox(box, boxMargin, frame),
      n * 4,
    );
  });
  const shown = promptGenerators[kind]({ count: objects.length, boxes, masks: clampLogits(logits) }) as {
    boxes?: Float32Array;
    masks?: Float32Array;
  };
  return {
    ...(shown.boxes && { boxes: tensor(shown.boxes, [objects.length, 4], { device }) }),
    ...(shown.masks && { masks: tensor(shown.masks, [objects.length, 1, side, side], { device }) }),
  };
}

interface Reference {
  /** Index into the batch's objects. */
  readonly object: number;
  readonly position: number;
  readonly offset: number;
}

/** For every object the stage-1 memories of its class on the other slices of its sequence. */
function chooseReferences(
  { objects, samples }: Batch,
  stage1: HeadOutput,
  slots: number,
  memory: MemoryOptions,
): Reference[][] {
  const [ious, scores] = noGrad(() => [stage1.ious.toFloat32Array(), stage1.objectScores.toFloat32Array()]);
  const key = ({ sequence, class: label }: BatchObject) => `${sequence} ${label}`;
  const groups = new Map<string, number[]>();
  for (const [index, object] of objects.entries()) groups.set(key(object), [...(groups.get(key(object)) ?? []), index]);
  const lists = objects.map((object) => {
    const members = groups.get(key(object))!;
    const bySlice = new Map(members.map((index) => [objects[index]!.sample.slice, index]));
    const candidates = members.map((index) => ({
      slice: objects[index]!.sample.slice,
      confidence: confidenceOf(ious![index]!, scores![index]!),
    }));
    return chooseMemories(candidates, object.sample.slice, slots, memory).map(({ slice, position, offset }) => ({
      object: bySlice.get(slice)!,
      position,
      offset,
    }));
  });
  // As when predicting: the objects of one slice see equally many memories, whatever the others of the batch see.
  return samples.flatMap((_, image) => equallyLong(lists.filter((__, index) => objects[index]!.image === image)));
}

function joined(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}

function joinedBytes(arrays: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(arrays));
}
