/**
 * Depth-wise convolutional adapter (RFMedSAM 2): gives an attention block the local, spatial view it lacks.
 *
 *   x ──► norm ──► down ──► 3×3 depth-wise ──► GELU ──► norm ──► up ──► + ──►
 *   └─────────────────────────────────────────────────────────────────┘
 *
 * The paper names the layers; width (¼) and the zero start (`up` = 0, so an untrained adapter changes nothing) are ours.
 */
import { nn, scope, type Tensor } from "@rfmedsam/torch";
import { channelsFirst, channelsLast } from "../layout.js";
import { adapterWidth } from "./options.js";

export class DWConvAdapter extends nn.Module {
  readonly norm: nn.LayerNorm;
  readonly down: nn.Linear;
  readonly depthwise: nn.Conv2d;
  readonly innerNorm: nn.LayerNorm;
  readonly up: nn.Linear;

  constructor(channels: number, { ratio = 0.25 }: { readonly ratio?: number } = {}) {
    super();
    const width = adapterWidth(channels, ratio);
    this.norm = new nn.LayerNorm(channels);
    this.down = new nn.Linear(channels, width);
    this.depthwise = new nn.Conv2d(width, width, { kernel: 3, padding: 1, groups: width });
    this.innerNorm = new nn.LayerNorm(width);
    this.up = new nn.Linear(width, channels, { init: nn.init.zeros });
  }

  /** @param x image embedding `[B, H, W, C]` @returns the same shape */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const local = this.depthwise.forward(channelsFirst(this.down.forward(this.norm.forward(x))));
      return x.add(this.up.forward(this.innerNorm.forward(channelsLast(local.gelu()))));
    });
  }

  /** @param x image embedding as tokens `[B, H·W, C]` @param grid its `[H, W]` @returns the same shape */
  forwardTokens(x: Tensor, [height, width]: readonly [number, number]): Tensor {
    const [batch, tokens, channels] = x.shape as [number, number, number];
    return this.forward(x.reshape([batch, height, width, channels])).reshape([batch, tokens, channels]);
  }
}
