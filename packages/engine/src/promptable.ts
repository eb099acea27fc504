/**
 * A network that answers prompts, out of a file of weights:
 *
 *   file ─► which model is it? ─► network without memory ─► the file's tensors, mapped ─► pictures (and, for SAM 2, volumes)
 *            │
 *            ├─ metadata `rfmedsam.architecture` says so: any configuration, also small ones of one's own
 *            └─ else names and shapes of its tensors: an official model, at whatever image size
 */
import { ConfigError } from "@rfmedsam/base";
import {
  atImageSize,
  buildModel,
  fitToImageSize,
  type ModelArchitecture,
  type ModelFamily,
  type PromptableModel,
  Sam2,
  TorchRefiner,
  TorchSam,
  TorchSam2Pictures,
} from "@rfmedsam/models";
import type { PromptableNetwork, RefinerNetwork } from "@rfmedsam/segmenter";
import {
  chooseDevice,
  type Device,
  inspectCheckpoint,
  onDevice,
  readCheckpoint,
  type Tensor,
  writeSafetensors,
} from "@rfmedsam/torch";
import { architectureKey, namedModel, recogniseModel } from "./recognise.js";

export interface OpenPromptableOptions {
  /** The official model it must be; by default it is recognised. */
  readonly model?: string | undefined;
  /** Side S of the square input in pixels; by default what the weights were made for. */
  readonly imageSize?: number | undefined;
  /** `auto` (default), `cpu`, `cuda`, `cuda:1` … */
  readonly device?: Device | "auto" | undefined;
}

/** A model in memory; `free` gives it back. */
export interface OpenPromptable {
  /** The official name; undefined for a configuration of one's own. */
  readonly name: string | undefined;
  readonly family: ModelFamily;
  readonly architecture: ModelArchitecture;
  readonly imageSize: number;
  readonly device: Device;
  /** Answers prompts on single pictures. */
  readonly pictures: PromptableNetwork;
  /** Follows objects from slice to slice; SAM 2 only. */
  readonly tracker: RefinerNetwork | undefined;
  free(): void;
  [Symbol.dispose](): void;
}

/**
 * @param weights safetensors, or PyTorch's format (`.pt`, `.pth`); pickled code is never run
 * @throws CheckpointError when the file is damaged, no SAM, or another model than asked for; ConfigError for a model, an image size or a
 *   device that there is not; FileError
 */
export async function openPromptable(weights: string, options: OpenPromptableOptions = {}): Promise<OpenPromptable> {
  const device = chooseDevice(options.device);
  const wanted = options.model === undefined ? undefined : namedModel(options.model);
  const summary = await inspectCheckpoint(weights);
  const { name, architecture: own, leavesOut } = recogniseModel(weights, summary, wanted);
  const architecture = options.imageSize === undefined ? own : resized(own, options.imageSize);
  const model = onDevice("meta", () => buildModel(forPrompting(architecture)));
  try {
    await fill(model, weights, leavesOut);
    model.to({ device }).requireGrad(false).eval();
  } catch (cause) {
    model.free();
    throw cause;
  }
  const free = () => model.free();
  return {
    name,
    family: architecture.family,
    architecture,
    imageSize: architecture.config.imageSize,
    device,
    pictures: model instanceof Sam2 ? new TorchSam2Pictures(model, device) : new TorchSam(model, device),
    tracker: model instanceof Sam2 ? new TorchRefiner(model, device) : undefined,
    free,
    [Symbol.dispose]: free,
  };
}

/** @throws ConfigError for a size it cannot have */
function resized(own: ModelArchitecture, imageSize: number): ModelArchitecture {
  try {
    return atImageSize(own, imageSize);
  } catch (cause) {
    if (!(cause instanceof ConfigError)) throw cause;
    // Nobody wrote a configuration: what is wrong is the one number.
    throw new ConfigError({ file: "--image-size", found: cause.found.replace(/^imageSize: /, "") });
  }
}

/** The official video predictor remembers what a person asked for as 0 and 1; the configuration that SAM 2 is trained with does not. */
function forPrompting(architecture: ModelArchitecture): ModelArchitecture {
  if (architecture.family !== "sam2") return architecture;
  return { ...architecture, config: { ...architecture.config, binarizeMaskFromPtsForMemEnc: true } };
}

/** Takes the file's tensors over, without a copy where element type and device allow. */
async function fill(
  model: PromptableModel,
  file: string,
  leavesOut: ((name: string) => boolean) | undefined,
): Promise<void> {
  const state = await readCheckpoint(file);
  try {
    const fitted = model instanceof Sam2 ? state : fitToImageSize(state, model);
    model.loadStateDict(fitted, { file, assign: true, ...(leavesOut && { mayExceed: leavesOut }) });
  } finally {
    for (const tensor of state.values()) tensor.free();
  }
}

/**
 * Writes a model's weights as safetensors, with its configuration, so that `openPromptable` opens it whatever its sizes are.
 *
 * @throws ResourceError when the disk is full, FileError
 */
export async function saveWeights(
  file: string,
  model: PromptableModel,
  architecture: ModelArchitecture,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  await writeWeights(file, model.stateDict(), architecture, metadata);
}

/** The same for tensors by name. */
export async function writeWeights(
  file: string,
  tensors: ReadonlyMap<string, Tensor>,
  architecture: ModelArchitecture | undefined,
  metadata: Readonly<Record<string, string>> = {},
): Promise<void> {
  const stated = architecture && { [architectureKey]: JSON.stringify(architecture) };
  await writeSafetensors(file, tensors, { ...metadata, ...stated });
}
