/** Makes the refiner of a configuration, and looks beforehand at all that could keep it from being made. */
import { ConfigError } from "@rfmedsam/base";
import { backboneConfig, isAdapterName, loadWeights } from "@rfmedsam/models";
import { maskPromptLimit } from "@rfmedsam/segmenter";
import {
  empty,
  inspectCheckpoint,
  manualSeed,
  noGrad,
  onDevice,
  readCheckpoint,
  scope,
  type Tensor,
} from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { RefinerModel } from "./model.js";
import { chooseLearning } from "./parameter-groups.js";

type Refiner = TrainingConfiguration["refiner"];

/** Official weights know nothing of adapters: those start as the identity. */
const official = { adapters: "may-be-missing" } as const;

/** A network with random weights, of the default device. @throws ConfigError for an unknown backbone or a size it cannot have */
export function newRefiner(configuration: Refiner, classes: number): RefinerModel {
  const { backbone, imageSize, adapters } = configuration;
  const inserted = adapters && { placements: adapters.placements, ratio: adapters.ratio };
  const config = backboneConfig(backbone, imageSize, inserted);
  // Only the single answer is trained here, so no prediction may fall back on one of the decoder's three alternatives.
  const maskDecoder = { ...config.maskDecoder, dynamicMultimaskViaStability: false };
  const model = new RefinerModel({ ...config, maskDecoder, multimaskOutputInSam: false }, classes, configuration);
  model.sam2.imageEncoder.trunk.checkpointing = configuration.checkpointing;
  return model;
}

/**
 * The network that training starts from: with official weights if the configuration names a file (safetensors or PyTorch's own
 * format), else with random ones.
 *
 * @param classes with the background
 * @throws CheckpointError, FileError for weights that cannot be read or are another model's; as `newRefiner`
 */
export async function makeRefiner(configuration: Refiner, classes: number, seed: number): Promise<RefinerModel> {
  manualSeed(seed);
  const model = newRefiner(configuration, classes);
  const { weights } = configuration;
  if (weights === null) {
    startMaskDownsample(model);
    return model;
  }
  let state: ReadonlyMap<string, Tensor> = new Map();
  try {
    state = await readCheckpoint(weights);
    loadWeights(model.sam2, state, { ...official, file: weights });
    return model;
  } catch (error) {
    model.free();
    throw error;
  } finally {
    for (const loaded of state.values()) loaded.free();
  }
}

/**
 * A mask that a person gives (0/1) becomes a mask prompt by a convolution of its own, which nothing trained here has use for: from random
 * weights it starts, and stays, as what makes the log-odds that prompts are in training.
 */
function startMaskDownsample({ sam2: { maskDownsample } }: RefinerModel): void {
  if (maskDownsample === undefined) return;
  const { weight, bias } = maskDownsample;
  noGrad(() => {
    weight.fill_((2 * maskPromptLimit) / (weight.size(-1) * weight.size(-2)));
    bias!.fill_(-maskPromptLimit);
  });
}

/**
 * What would stop the refiner, or make it useless, found before step 0 is trained for hours.
 *
 * @param data with the background among its classes
 * @throws ConfigError for a channel that the data do not have, when nothing would learn, and for random weights that would be frozen; as `makeRefiner` (of a file of
 *   weights the names and shapes are looked at, not the numbers) and `chooseLearning`
 */
export async function checkRefiner(
  configuration: Refiner,
  { classes, channels }: { readonly classes: number; readonly channels: readonly string[] },
): Promise<void> {
  const { channel, weights } = configuration;
  if (channel >= channels.length) {
    throw new ConfigError({
      found: `refiner.channel: ${channel}`,
      expected: `a channel of the data set: ${channels.map((name, n) => `${n} (${name})`).join(", ")}`,
    });
  }
  const described = weights === null ? undefined : (await inspectCheckpoint(weights)).tensors;
  const model = onDevice("meta", () => newRefiner(configuration, classes));
  try {
    if (chooseLearning(model, configuration).length === 0) {
      throw new ConfigError({
        found: "refiner.groups, adapters and calibration with which nothing of the refiner learns",
        expected: "something that does",
        hint: "give refiner.adapters, or a group with a rate above 0",
      });
    }
    if (weights !== null && described !== undefined) assertFits(model, described, weights);
    else assertAllLearns(model);
  } finally {
    model.free();
  }
}

/** Tensors without content are enough to see names and shapes fit. */
function assertFits(
  { sam2 }: RefinerModel,
  described: ReadonlyMap<string, { readonly shape: readonly number[] }>,
  file: string,
): void {
  scope(() => {
    const state = new Map([...described].map(([name, { shape }]) => [name, empty([...shape], { device: "meta" })]));
    loadWeights(sam2, state, { ...official, file });
  });
}

function assertAllLearns({ sam2 }: RefinerModel): void {
  const frozen = [...sam2.namedParameters()].filter(
    ([name, parameter]) => !isAdapterName(name) && !parameter.requiresGrad,
  );
  if (frozen.length === 0) return;
  throw new ConfigError({
    found: `no refiner.weights, and refiner.groups that freeze ${frozen.length} parameters (${frozen[0]![0]}, …) at random values`,
    expected: "official weights, or groups in which everything learns",
    hint: "name a file of official weights with --set refiner.weights=FILE; or --set refiner.enabled=false trains step 0 alone",
  });
}
