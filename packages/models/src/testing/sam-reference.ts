/** Reads the reference's small SAM-Med2D model. */
import { sharedPath } from "@rfmedsam/base/testing";
import { readSafetensors, setNumThreads, type Tensor } from "@rfmedsam/torch";
import { expect } from "vitest";
import { type SamConfig, samConfig } from "../sam/config.js";
import { Sam } from "../sam/sam.js";
import { type JsonObject, readJson } from "./reference.js";
import { camelised } from "./sam2-reference.js";

setNumThreads(1); // test files run side by side

export const samMiniFolder = "parity/sammed2d/mini";

/** What our encoder always does; a reference that does otherwise needs more than a configuration. */
const always = { inChans: 3, act: "gelu", useAbsPos: true, useRelPos: true };

/** The small model's configuration in our terms: the same names; what we derive from other values is left out. */
export function samMiniConfig(encoderChanges: JsonObject = {}, changes: JsonObject = {}): SamConfig {
  const given = camelised(readJson(`${samMiniFolder}/config.json`)) as { [key: string]: JsonObject };
  const { imgSize, inChans, act, useAbsPos, useRelPos, adapterTrain, adapter, ...encoder } = given.imageEncoder!;
  const { skipConnect, ...adapterSizes } = adapter as JsonObject;
  expect({ inChans, act, useAbsPos, useRelPos, skipConnect }).toEqual({ ...always, skipConnect: true });
  const { transformerDim, transformer, ...decoder } = given.maskDecoder!;
  const { embeddingDim, ...transformerSizes } = transformer as JsonObject;
  expect([transformerDim, embeddingDim]).toEqual([encoder.outChans, encoder.outChans]);
  return samConfig({
    imageSize: imgSize,
    pictureRule: "sam-med2d",
    imageEncoder: { ...encoder, ...(adapterTrain === true ? { adapter: adapterSizes } : {}), ...encoderChanges },
    promptEncoder: { maskInChans: given.promptEncoder!.maskInChans },
    maskDecoder: { ...decoder, transformer: transformerSizes },
    pixelMean: given.pixelMean,
    pixelStd: given.pixelStd,
    ...changes,
  });
}

/** The small model's weights under their official names. */
export function samMiniWeights(): Promise<Map<string, Tensor>> {
  return readSafetensors(sharedPath(samMiniFolder, "weights.safetensors"));
}

/** The small model with its weights, not training. */
export async function samMiniModel(): Promise<Sam> {
  const model = new Sam(samMiniConfig());
  model.loadStateDict(await samMiniWeights());
  return model.eval();
}
