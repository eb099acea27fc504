/**
 * Puts adapters into a SAM 2 model, and loads weights that know nothing of them. Adapters have names of their own, so the
 * official names stay as they are; an adapter that has not been trained changes nothing.
 */
import { nn, type Tensor } from "@rfmedsam/torch";
import type { MaskDecoder } from "../sam2/mask-decoder.js";
import type { MemoryAttention } from "../sam2/memory-attention.js";
import type { MemoryEncoder } from "../sam2/memory-encoder.js";
import type { ImageEncoder } from "../sam2/neck.js";
import { CnnAdapter } from "./cnn-adapter.js";
import { DWConvAdapter } from "./dwconv-adapter.js";
import { type AdapterConfig, type AdapterPlacement, isAdapterName } from "./options.js";

/** The parts of a SAM 2 model that have places for adapters. */
export interface AdaptableParts {
  readonly imageEncoder: ImageEncoder;
  readonly memoryAttention: MemoryAttention;
  readonly memoryEncoder: MemoryEncoder;
  readonly samMaskDecoder: MaskDecoder;
}

type Options = Pick<AdapterConfig, "ratio">;

/** What each placement does. A new place is one row. */
const insertions: { readonly [Place in AdapterPlacement]: (model: AdaptableParts, options: Options) => void } = {
  hiera({ imageEncoder }, options) {
    for (const block of imageEncoder.trunk.blocks) block.adapter = new DWConvAdapter(block.layout.dimOut, options);
  },
  "memory-self"({ memoryAttention }, options) {
    for (const layer of memoryAttention.layers)
      layer.selfAttnAdapter = new DWConvAdapter(layer.selfAttn.width, options);
  },
  "memory-cross"({ memoryAttention }, options) {
    for (const layer of memoryAttention.layers) {
      layer.crossAttnAdapter = new DWConvAdapter(layer.crossAttnImage.width, options);
    }
  },
  decoder({ samMaskDecoder }, options) {
    for (const layer of samMaskDecoder.transformer.layers) {
      layer.imageAdapter = new DWConvAdapter(layer.crossAttnImageToToken.width, options);
    }
  },
  neck({ imageEncoder }, options) {
    for (const level of imageEncoder.neck.convs) level.adapter = new CnnAdapter(level.width, options);
  },
  "memory-encoder"({ memoryEncoder }, options) {
    memoryEncoder.adapter = new CnnAdapter(memoryEncoder.width, options);
  },
  "decoder-upscaling"({ samMaskDecoder }, options) {
    const widths = samMaskDecoder.upscalingWidths;
    samMaskDecoder.upscalingAdapters = new nn.ModuleList(widths.map((width) => new CnnAdapter(width, options)));
  },
};

/** Adds untrained adapters to a model that has none. The model's constructor does it for a configuration that names adapters. */
export function insertAdapters(model: AdaptableParts, { placements, ratio }: AdapterConfig): void {
  for (const place of placements) insertions[place](model, { ratio });
}

/**
 * Loads weights into a model.
 * @param adapters `"required"`: the weights must have every adapter the model has; `"may-be-missing"`: adapters that the weights lack keep
 *   the model's own values (untrained ones change nothing). Everything else must match exactly in both cases.
 * @returns names of the adapter parameters that kept their values
 * @throws CheckpointError naming what is missing, unexpected or of another shape
 */
export function loadWeights(
  model: nn.Module,
  state: ReadonlyMap<string, Tensor>,
  { adapters = "required", file }: { readonly adapters?: "required" | "may-be-missing"; readonly file?: string } = {},
): string[] {
  const mayMiss = (name: string) => adapters === "may-be-missing" && isAdapterName(name);
  const missing = [...model.stateDict().keys()].filter((name) => mayMiss(name) && !state.has(name));
  model.loadStateDict(state, { mayMiss, ...(file === undefined ? {} : { file }) });
  return missing;
}

/** Number of parameters, and how many of them belong to adapters. */
export function countParameters(model: nn.Module): { readonly total: number; readonly adapters: number } {
  let [total, adapters] = [0, 0];
  for (const [name, parameter] of model.namedParameters()) {
    total += parameter.numel;
    if (isAdapterName(name)) adapters += parameter.numel;
  }
  return { total, adapters };
}
