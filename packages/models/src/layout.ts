/** The two memory layouts image networks switch between. Both directions are views. */
import type { Tensor } from "@rfmedsam/torch";

/** `[B, H, W, C]` → `[B, C, H, W]` */
export function channelsFirst(x: Tensor): Tensor {
  return x.permute([0, 3, 1, 2]);
}

/** `[B, C, H, W]` → `[B, H, W, C]` */
export function channelsLast(x: Tensor): Tensor {
  return x.permute([0, 2, 3, 1]);
}

/** `[B, C, H, W]` → tokens `[B, H·W, C]` */
export function toTokens(x: Tensor): Tensor {
  return x.flatten({ startDim: 2 }).transpose(1, 2);
}

/** Tokens `[B, H·W, C]` → `[B, C, H, W]` */
export function fromTokens(x: Tensor, [height, width]: readonly [number, number]): Tensor {
  const [batch, , channels] = x.shape as [number, number, number];
  return x.transpose(1, 2).reshape([batch, channels, height, width]);
}
