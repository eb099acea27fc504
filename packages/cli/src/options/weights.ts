/** The options of every command that opens a file of weights. */
import type { OpenPromptable } from "@rfmedsam/engine";
import type { Command } from "commander";
import { type Context, startEngine } from "../context.js";
import { wholeNumber } from "./parsers.js";

export interface WeightsOptions {
  readonly weights: string;
  readonly model?: string;
  readonly imageSize?: number;
}

export function withWeightsOptions(command: Command): Command {
  return command
    .requiredOption("--weights <file>", "weights of SAM 2, SAM or SAM-Med2D: .pt, .pth or .safetensors")
    .option("--model <name>", "what the weights must be (default: recognised; `rfmedsam models` lists them)")
    .option("--image-size <pixels>", "side of the network's input (default: the model's own)", wholeNumber(1));
}

/** Loads the engine and the weights. */
export async function openWeights(context: Context, options: WeightsOptions): Promise<OpenPromptable> {
  await startEngine(context);
  const { openPromptable } = await import("@rfmedsam/engine");
  const { weights, model, imageSize } = options;
  return openPromptable(weights, { model, imageSize, device: context.options.device });
}

/** A model in words. */
export const modelTitle = ({
  name,
  family,
  imageSize,
}: Pick<OpenPromptable, "name" | "family" | "imageSize">): string => `${name ?? family} at ${imageSize}×${imageSize}`;
