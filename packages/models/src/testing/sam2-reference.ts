/** Reads the reference's small SAM 2 model and runs its sequences. */
import { sharedPath } from "@rfmedsam/base/testing";
import { noGrad, readSafetensors, scope, setNumThreads, type Tensor, tensor } from "@rfmedsam/torch";
import { loadWeights } from "../adapters/insertion.js";
import { type Sam2Config, sam2Config } from "../sam2/config.js";
import { MemoryBank } from "../sam2/memory-bank.js";
import type { ImageEmbedding } from "../sam2/memory-set.js";
import { Sam2, type TrackedFrame } from "../sam2/sam2.js";
import { type Json, type JsonObject, type ReferenceCase, readJson } from "./reference.js";

setNumThreads(1); // test files run side by side

export const miniFolder = "parity/sam2/mini";

/** A value with all keys in camelCase. */
export function camelised(value: Json): Json {
  if (Array.isArray(value)) return value.map(camelised);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [camelCase(key), camelised(field)]));
}

export function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function without(value: JsonObject, ...keys: string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}

/** The small model's configuration in our terms: the same names; what we derive from other values is left out. */
export function miniConfig(changes: JsonObject = {}): Sam2Config {
  const given = camelised(readJson(`${miniFolder}/config.json`)) as { [key: string]: JsonObject };
  const { trunk, neck, scalp } = given.imageEncoder as { [key: string]: JsonObject };
  const { maskDownsampler, fuser, positionEncoding, outDim } = given.memoryEncoder as { [key: string]: JsonObject };
  const { promptEncoder, maskDecoder } = given.samHeads as { [key: string]: JsonObject };
  const position = (encoding: JsonObject) => without(encoding, "numPosFeats");
  return sam2Config({
    imageSize: given.imageSize,
    backboneStride: given.backboneStride,
    imageEncoder: {
      scalp,
      trunk,
      neck: {
        ...without(neck!, "backboneChannelList"),
        positionEncoding: position(neck!.positionEncoding as JsonObject),
      },
    },
    memoryAttention: without(
      given.memoryAttention!,
      "dModel",
      "featSizes",
      "kvInDimOfCrossAttention",
      "ropeKRepeatInCrossAttention",
    ),
    memoryEncoder: {
      outDim,
      maskDownsampler: without(maskDownsampler!, "embedDim"),
      fuser: without(fuser!, "dim"),
      positionEncoding: position(positionEncoding!),
    },
    promptEncoder: { maskInChans: promptEncoder!.maskInChans },
    maskDecoder: {
      ...maskDecoder,
      transformer: without(maskDecoder!.transformer as JsonObject, "embeddingDim"),
    },
    ...flags(given.modelFlags!),
    ...changes,
  });
}

/** Flags of the model in our names; an absent embedding (null) is a switch that is off. */
export function flags(given: JsonObject): JsonObject {
  const renamed = Object.entries(given).flatMap(([name, value]): [string, Json][] => {
    return name.startsWith("weight:") ? [] : [[camelCase(name), value ?? false]];
  });
  return Object.fromEntries(renamed);
}

const weights = new Map<string, Tensor>();

/** The small model with its weights, some flags changed and some weights replaced. */
export async function miniModel(changes: JsonObject = {}, replaced: JsonObject = {}): Promise<Sam2> {
  if (weights.size === 0) {
    for (const [name, value] of await readSafetensors(sharedPath(miniFolder, "weights.safetensors"))) {
      weights.set(name, value.keep());
    }
  }
  const model = new Sam2(miniConfig(changes));
  const names = model.stateDict();
  const state = new Map([...weights].filter(([name]) => Object.keys(changes).length === 0 || names.has(name)));
  for (const [name, values] of Object.entries(replaced)) {
    state.set(name, tensor(values as number[], names.get(name)!.shape));
  }
  loadWeights(model, state);
  return model.eval();
}

/** Weight replacements of a case: written as flags `weight:<name>`, or as `weight_overrides`. */
export function replacedWeights(facts: JsonObject): JsonObject {
  const changed = Object.entries((facts.flags_changed_for_this_case ?? {}) as JsonObject)
    .filter(([name]) => name.startsWith("weight:"))
    .map(([name, value]) => [name.slice("weight:".length), value]);
  return { ...((facts.weight_overrides ?? {}) as JsonObject), ...Object.fromEntries(changed) };
}

interface StepFacts {
  readonly frame: number;
  readonly initial_conditioning: boolean;
  readonly store_as_conditioning: boolean;
  readonly reverse?: boolean;
  readonly feed_previous_logits?: boolean;
  readonly prompt?: { readonly coords?: string; readonly labels?: string; readonly mask?: string };
}

/** Runs a case's steps in order, each frame encoded once. Results of step i are at index i. */
export function runSequence(model: Sam2, reference: ReferenceCase, frames: Tensor): TrackedFrame[] {
  const embeddings = new Map<number, ImageEmbedding>();
  const bank = new MemoryBank();
  const lastLogits = new Map<number, Tensor>();
  const results = (reference.facts.steps as unknown as StepFacts[]).map((step) => {
    const embedding = embeddings.get(step.frame) ?? model.encodeImage(frames.narrow(0, step.frame, 1));
    embeddings.set(step.frame, embedding);
    const { coords, labels, mask } = step.prompt ?? {};
    const result = model.trackStep({
      frame: step.frame,
      embedding,
      bank,
      numFrames: reference.facts.num_frames as number,
      initialConditioning: step.initial_conditioning,
      prompts: {
        points: coords && labels ? { coords: reference.input(coords), labels: reference.input(labels) } : undefined,
        mask: mask === undefined ? undefined : reference.input(mask),
      },
      previousLogits: step.feed_previous_logits ? lastLogits.get(step.frame)?.clamp({ min: -32, max: 32 }) : undefined,
      reverse: step.reverse,
    });
    lastLogits.set(step.frame, result.lowResMasks);
    bank.remember(
      step.frame,
      { features: result.memory!.alias(), pointer: result.pointer.alias() },
      { conditioning: step.store_as_conditioning },
    );
    return result;
  });
  bank.clear();
  return results;
}

/** The frames of the volume that a case names. */
export async function framesOf(reference: ReferenceCase): Promise<Tensor> {
  const path = sharedPath(miniFolder, reference.name, reference.facts.volume as string);
  const tensors = await readSafetensors(path);
  const frames = tensors.get("frames") ?? tensors.get("in.frames") ?? tensors.get("out.frames");
  if (frames === undefined) throw new Error(`${path} has no frames but ${[...tensors.keys()].join(", ")}`);
  return frames;
}

/** Runs `body` without gradients and frees what it made in between. */
export function quietly<T>(body: () => T): T {
  return noGrad(() => scope(body));
}
