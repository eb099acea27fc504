/**
 * Memory of the refiner's training, from SAM 2's shapes: what stages 1 and 2 of a batch of sequences keep for the way back.
 *
 *   image encoder      ─ every block's projections, perceptron and adapter, for all slices; with checkpointing a block's input alone
 *   memory attention   ─ for all objects: the slice's tokens, and keys and values of all memories
 *   mask decoder       ─ twice, for all objects
 *   memory encoder     ─ for all objects, from image size down
 *   masks and losses   ─ at image size, for both stages
 *
 * Sizes are read off the network itself, built without memory for its weights. Attention is counted as libtorch's fused kernel runs
 * it (nothing of size tokens × tokens), except where dropout forbids that kernel on the CPU.
 */
import { type Device, type Module, onDevice } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../../config.js";
import { newRefiner } from "../../refiner/make.js";
import type { RefinerModel } from "../../refiner/model.js";
import { chooseLearning } from "../../refiner/parameter-groups.js";
import { type MemoryEstimate, type Precision, Sheet } from "./sheet.js";

export const refinerPhase = "training the refiner";

type RefinerConfiguration = TrainingConfiguration["refiner"];
type Block = RefinerModel["sam2"]["imageEncoder"]["trunk"]["blocks"] extends Iterable<infer B> ? B : never;

export interface RefinerWorkload {
  /** With the background. */
  readonly classes: number;
  /** Objects on one slice; by default every class is on every slice, which is the most there can be. */
  readonly objects?: number | undefined;
  readonly precision: Precision;
  readonly device: Device;
}

/** Keeps one entry a part: floats, of `size` bytes each. */
type Keep = (part: string, elements: number, count?: number) => void;

/** What one training step of both stages holds at most. */
export function estimateRefiner(configuration: RefinerConfiguration, workload: RefinerWorkload): MemoryEstimate {
  const { classes, precision, device, objects: perSlice = classes - 1 } = workload;
  const { imageSize, batch, sequence, averaging } = configuration;
  const sheet = new Sheet(device);
  const size = precision === "bfloat16" ? 2 : 4;
  const keep: Keep = (part, elements, count = 1) => sheet.hold(part, size * elements, count);
  const model = onDevice("meta", () => newRefiner(configuration, classes));
  try {
    const learning = chooseLearning(model, configuration).flatMap(({ parameters }) => parameters);
    const weights = 4 * model.parameterCount();
    const learned = 4 * learning.reduce((sum, { numel }) => sum + numel, 0);
    sheet.hold("weights", weights).hold("gradients", learned).hold("optimiser", learned, 2);
    if (averaging > 0) sheet.hold("averaged weights", weights);

    const images = batch * sequence;
    const objects = images * perSlice;
    const pixels = imageSize ** 2;
    // Slices and true masks as drawn and as tensors, prompts, labels as indices.
    sheet
      .hold("batch", 4 * 3 * pixels * images, 4)
      .hold("batch", 4 * pixels * objects, 2)
      .hold("batch", 9 * pixels * images);

    encoder(model, configuration.checkpointing, images, keep);
    perObject(model, { images, objects, memories: memoriesOf(configuration, model) }, keep, device);
    for (const stage of [1, 2]) losses(sheet, { stage, images, objects, classes, pixels });
    return sheet.estimate(refinerPhase);
  } finally {
    model.free();
  }
}

/** Memories one object sees in stage 2: the other slices of its sequence, as far as there is room. */
function memoriesOf({ sequence, memory }: RefinerConfiguration, { sam2 }: RefinerModel): number {
  return Math.min(sequence - 1, memory.neighbours + memory.confident, sam2.config.numMaskmem);
}

function learns(part: Module): boolean {
  for (const parameter of part.parameters()) if (parameter.requiresGrad) return true;
  return false;
}

/** A depth-wise adapter keeps its norm and four narrow maps. */
const adapterFloats = (channels: number, width: number) => channels + 4 * width;

function encoder({ sam2 }: RefinerModel, checkpointing: boolean, images: number, keep: Keep): void {
  const { trunk, neck } = sam2.imageEncoder;
  const part = "image encoder";
  let side = sam2.config.imageSize / 4;
  let recorded = learns(trunk.patchEmbed);
  let widest = 0;
  const width = neck.convs.at(0).width;
  const sides: number[] = [];
  for (const block of trunk.blocks) {
    const { kept, output } = blockFloats(block, images, side);
    recorded ||= learns(block);
    if (block.layout.pool !== undefined) {
      sides.push(side);
      side /= 2;
    }
    if (!recorded) continue;
    keep(part, output);
    if (checkpointing) widest = Math.max(widest, kept);
    else keep(part, kept / 4, 4);
  }
  sides.push(side);
  keep(part, widest / 4, 4);
  // The neck's levels, twice where an adapter follows; the lowest is dropped.
  const levels = sides.map((extent) => images * extent ** 2);
  for (const [level, tokens] of levels.entries()) {
    const adapter = neck.convs.at(levels.length - 1 - level).adapter;
    keep("image encoder, neck", width * tokens);
    if (adapter !== undefined) {
      keep("image encoder, neck", width * tokens);
      keep("image encoder, neck", adapter.down.weight.size(0) * tokens, 3);
    }
  }
  keep("image encoder, neck", (width / 8) * levels[0]! + (width / 4) * levels[1]!);
}

/** What a block keeps beside its output, in floats. */
function blockFloats(block: Block, images: number, side: number): { kept: number; output: number } {
  const { dim, dimOut, window, pool } = block.layout;
  const padded = window > 0 ? Math.ceil(side / window) * window : side;
  const inside = images * padded ** 2; // tokens in windows
  const tokens = images * side ** 2;
  const shrink = pool === undefined ? 1 : pool[0] * pool[1];
  const [out, outInside] = [tokens / shrink, inside / shrink];
  const withWeights = learns(block.attn.qkv) ? 1 : 0;
  const adapter = block.adapter && adapterFloats(dimOut, block.adapter.down.weight.size(0));
  const kept =
    withWeights * dim * (window > 0 ? inside : tokens) + // norm, in windows
    (block.proj === undefined ? 0 : withWeights * dim * tokens + dimOut * tokens + 2 * dimOut * out) + // shortcut and where its maxima were
    3 * dimOut * inside + // queries, keys, values
    (pool === undefined ? 0 : 3 * dimOut * outInside) + // pooled queries and where their maxima were
    dimOut * outInside + // attended
    (adapter === undefined ? 0 : (dimOut + adapter) * out) +
    dimOut * out + // first sum
    withWeights * dimOut * out + // its norm
    (4 + 4 * withWeights) * dimOut * out; // perceptron before and after its activation
  return { kept, output: dimOut * out };
}

interface ObjectCounts {
  readonly images: number;
  readonly objects: number;
  /** Spatial memories each object sees. */
  readonly memories: number;
}

function perObject({ sam2 }: RefinerModel, { objects, memories }: ObjectCounts, keep: Keep, device: Device): void {
  const { config } = sam2;
  const pixels = objects * config.imageSize ** 2;
  const cells = (config.imageSize / config.backboneStride) ** 2;
  const tokens = objects * cells;
  const width = config.imageEncoder.neck.dModel;
  const highRes = (width / 8) * (pixels / 16) + (width / 4) * (pixels / 64);

  // Every object's copy of its slice.
  keep("objects' embeddings", width * tokens, 2);
  keep("objects' embeddings", highRes / 2, 2);

  decoder(sam2, objects, keep);

  // Memory encoder: probability and scaled mask, four halvings of the side with four times the channels, the fuser.
  const { fuser, outDim } = config.memoryEncoder;
  keep("memory encoder", pixels, 2 + 4 * (learns(sam2.memoryEncoder) ? 3 : 2));
  keep("memory encoder", width * tokens, 2 + 12 * fuser.numLayers);
  keep("memory encoder", outDim * tokens, 2);

  // Memory attention: see MemoryAttentionLayer.
  if (memories === 0) return;
  const { numLayers, dimFeedforward, dropout, numHeads } = config.memoryAttention;
  const seen = objects * memories * (cells + width / outDim);
  const layer = [...sam2.memoryAttention.layers][0]!;
  const adapters = [layer.selfAttnAdapter, layer.crossAttnAdapter].flatMap((adapter) =>
    adapter === undefined ? [] : [width + adapterFloats(width, adapter.down.weight.size(0))],
  );
  const own = 14 * width + dimFeedforward + adapters.reduce((sum, floats) => sum + floats, 0);
  keep("memory attention", (own * tokens) / 8, 8 * numLayers);
  keep("memory attention", width * seen, 2 * numLayers);
  keep("memory attention", outDim * seen, 2 + numLayers);
  if (dropout > 0) {
    // Dropped tokens and their masks; on the CPU, dropout of attention needs the whole table of tokens and memories.
    keep("memory attention", (4 * width + dimFeedforward) * tokens * 1.25, numLayers);
    if (!device.startsWith("cuda")) keep("memory attention", numHeads * cells * (tokens + seen), 2.25 * numLayers);
  }
  keep("memory attention", width * tokens, 2);
}

/** Prompt encoder and mask decoder, for both stages. */
function decoder(sam2: RefinerModel["sam2"], objects: number, keep: Keep): void {
  const { config } = sam2;
  const part = "mask decoder";
  const pixels = objects * config.imageSize ** 2;
  const tokens = objects * (config.imageSize / config.backboneStride) ** 2;
  const width = config.imageEncoder.neck.dModel;
  const { depth } = config.maskDecoder.transformer;
  const adapter = [...sam2.samMaskDecoder.transformer.layers][0]!.imageAdapter;
  const adapted = adapter === undefined ? 0 : width + adapterFloats(width, adapter.down.weight.size(0));
  const stages = 2;
  // The mask prompt on its way to the grid: two halvings, three maps each.
  keep(part, (config.promptEncoder.maskInChans / 256) * pixels, 6 * stages);
  keep(part, width * tokens, stages * (2 + 6 * depth + 2));
  keep(part, adapted * tokens, stages * depth);
  // Up-scaling: three maps of twice the side, two of four times; four masks each, and those chosen.
  keep(part, (width / 4) * (pixels / 64), 3 * stages);
  keep(part, (width / 8) * (pixels / 16), 2 * stages);
  keep(part, (4 * pixels) / 16, stages);
  keep(part, pixels / 16, stages);
  keep("masks", pixels, stages);
}

interface LossSizes {
  readonly stage: number;
  readonly images: number;
  readonly objects: number;
  readonly classes: number;
  readonly pixels: number;
}

/** In float32 whatever the precision; all of it stays until the step ends. */
function losses(sheet: Sheet, { stage, images, objects, classes, pixels }: LossSizes): void {
  // Clamped logits, eleven maps of the focal loss, probabilities, overlap, two and a quarter of the IoU.
  sheet.hold("losses", 4 * pixels * objects, 16.25);
  // Merged: chosen and clamped masks; arranged twice, calibrated twice, masked; four maps of Dice and cross-entropy.
  sheet.hold("losses", 4 * pixels * objects, 2.25);
  sheet.hold("losses", 4 * pixels * images * (classes - 1), 5);
  sheet.hold("losses", 4 * pixels * images * classes, 5);
  // The way back begins with gradients of one stage's maps.
  if (stage === 2) sheet.hold("gradients of activations", 4 * pixels * objects, 4);
}
