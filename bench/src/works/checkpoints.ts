/** Work that begins with a checkpoint file, done once in a process of its own: loading a network, and the first mask of a program. */
import { arange, noGrad, onDevice, readCheckpoint, scope, type Tensor } from "@rfmedsam/torch";
import { clickIn, drawn, type OfficialModel, type OfficialName, officialModel } from "./official.js";
import { sample } from "./work.js";

export interface FreshParameters {
  readonly model: OfficialName;
  readonly imageSize?: number;
}

/** From a file in the official layout to a model that is ready to predict, as the product loads one: what is in the file is not copied. */
export async function load({ model: name, imageSize }: FreshParameters, checkpoint: string): Promise<OfficialModel> {
  const model = onDevice("meta", () => officialModel(name, imageSize));
  const state = await readCheckpoint(checkpoint);
  model.network.loadStateDict(state, { file: checkpoint, assign: true });
  return model;
}

async function loadCheckpoint(parameters: FreshParameters, checkpoint: string): Promise<number[]> {
  const state = (await load(parameters, checkpoint)).network.stateDict();
  const names = [...state.keys()].sort();
  return sample(
    names.map((name) => state.get(name)!),
    1,
  );
}

/** Loads, encodes one picture, answers one click in its middle. */
async function firstMask(parameters: FreshParameters, checkpoint: string): Promise<number[]> {
  const model = await load(parameters, checkpoint);
  return noGrad(() => scope(() => sample(model.encode(picture(model.imageSize)).click(clickIn(model.imageSize)))));
}

/** The same values on both sides, without a file. */
export function picture(side: number): Tensor {
  return scope(() =>
    arange(0, 3 * side * side, 1, { dtype: "float32" })
      .mul(0.37)
      .sin()
      .reshape([1, 3, side, side]),
  );
}

const works = { "load-checkpoint": loadCheckpoint, "first-mask": firstMask };

/** The name of such a work with its parameters. A new one is a row in `works` and one in ../../python/checkpoints.py. */
export interface FreshRequest {
  readonly work: keyof typeof works;
  readonly parameters: FreshParameters;
}

/** @returns the numbers by which the sides are compared */
export function runOnce({ work, parameters }: FreshRequest, checkpoint: string): Promise<number[]> {
  return works[work](parameters, checkpoint);
}

/** Random weights for the file, by their official names. */
export function drawWeights({ parameters: { model, imageSize } }: FreshRequest): ReadonlyMap<string, Tensor> {
  return drawn(() => officialModel(model, imageSize).network).stateDict();
}
