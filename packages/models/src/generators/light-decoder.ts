/**
 * A small convolutional decoder on the image embedding: the features up to the masks' resolution, sharpened on the way by those of
 * higher resolution where the model has them.
 *
 *   stride 16 ──► block ──► ×2 ─┬► block ──► ×2 ─┬► block ──► 1×1 ──► class logits
 *                    stride 8 ──┘     stride 4 ──┘
 */
import { F, nn, scope, type Tensor } from "@rfmedsam/torch";
import type { ImageEmbedding } from "../sam2/memory-set.js";
import { PromptGenerator } from "./generator.js";

/** 3×3 convolution, layer norm, GELU. */
class Block extends nn.Module {
  readonly conv: nn.Conv2d;
  readonly norm: nn.LayerNorm2d;

  constructor(from: number, to: number) {
    super();
    this.conv = new nn.Conv2d(from, to, { kernel: 3, padding: 1 });
    this.norm = new nn.LayerNorm2d(to);
  }

  forward(x: Tensor): Tensor {
    return scope(() => this.norm.forward(this.conv.forward(x)).gelu());
  }
}

export interface LightDecoderOptions {
  /** Channels of the image embedding. */
  readonly width: number;
  /** With the background. */
  readonly classes: number;
  /** The model projects features of strides 8 (width / 4) and 4 (width / 8). */
  readonly highRes: boolean;
}

export class LightDecoder extends PromptGenerator {
  readonly coarse: Block;
  readonly middle: Block;
  readonly fine: Block;
  readonly head: nn.Conv2d;

  constructor({ width, classes, highRes }: LightDecoderOptions) {
    super();
    const [half, quarter, eighth] = [width / 2, width / 4, width / 8];
    this.coarse = new Block(width, half);
    this.middle = new Block(half + (highRes ? quarter : 0), quarter);
    this.fine = new Block(quarter + (highRes ? eighth : 0), quarter);
    this.head = new nn.Conv2d(quarter, classes, { kernel: 1 });
  }

  propose({ features, highRes }: ImageEmbedding): Tensor {
    return scope(() => {
      const twice = enlarged(this.coarse.forward(features), highRes?.[1]);
      const fourTimes = enlarged(this.middle.forward(twice), highRes?.[0]);
      return this.head.forward(this.fine.forward(fourTimes));
    });
  }
}

/** Twice as large, beside the features of that resolution. */
function enlarged(x: Tensor, beside: Tensor | undefined): Tensor {
  const large = F.interpolate(x, { scaleFactor: 2, mode: "bilinear" });
  return beside === undefined ? large : F.cat([large, beside], { dim: 1 });
}
