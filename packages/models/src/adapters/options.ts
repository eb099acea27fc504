/**
 * Where adapters go and how wide they are, as data. The placements are those of RFMedSAM 2; which attention of a memory-attention
 * layer and which optional convolutions is ours, so each place has a name of its own.
 */
import { z } from "zod";

/**
 * Every place an adapter can stand:
 * - `hiera`: after the attention of every Hiera block (DWConvAdapter);
 * - `memory-self`, `memory-cross`: after the self-attention, or the attention to memories, of every memory-attention layer (DWConvAdapter);
 * - `decoder`: after the image-to-token attention of every mask-decoder transformer layer (DWConvAdapter);
 * - `neck`: after the convolution of every FPN level (CnnAdapter);
 * - `memory-encoder`: after the memory encoder's projection of the image features (CnnAdapter);
 * - `decoder-upscaling`: after both up-scaling convolutions of the mask decoder (CnnAdapter).
 */
export const adapterPlacements = [
  "hiera",
  "memory-self",
  "memory-cross",
  "decoder",
  "neck",
  "memory-encoder",
  "decoder-upscaling",
] as const;
export type AdapterPlacement = (typeof adapterPlacements)[number];

/** RFMedSAM 2's places; the two optional convolutional ones and the second memory attention are off. */
export const defaultAdapterPlacements: readonly AdapterPlacement[] = ["hiera", "memory-self", "decoder", "neck"];

export const adapterConfigSchema = z.strictObject({
  placements: z.array(z.enum(adapterPlacements)).default([...defaultAdapterPlacements]),
  /**
   * Width of the bottleneck as a share of the channels it adapts. With the default places ¼ adds 3.9 % (tiny) to 4.2 % (large) of the
   * official models' parameters; the paper's "under 1 %" holds from 1/20 down (0.8 to 0.9 %).
   */
  ratio: z.number().positive().max(1).default(0.25),
});

/** Which adapters a model has; see {@link adapterPlacements}. */
export type AdapterConfig = z.infer<typeof adapterConfigSchema>;

/** Width of the bottleneck of an adapter over `channels` channels: at least 8, so that narrow stages keep some. */
export function adapterWidth(channels: number, ratio: number): number {
  return Math.max(8, Math.round(channels * ratio));
}

/** Whether a parameter (or module) name belongs to an adapter: one of its parts is, or ends in, `adapter` or `adapters`. */
export function isAdapterName(name: string): boolean {
  return name.split(".").some((part) => /(^|_)adapters?$/.test(part));
}
