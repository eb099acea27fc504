/**
 * Convolutional adapter (RFMedSAM 2) for convolutional parts: a bottleneck of convolutions beside the identity.
 *
 *   x ──► 1×1 down ──► 3×3 depth-wise ──► GELU ──► 1×1 up ──► + ──►
 *   └──────────────────────────────────────────────────────────┘
 *
 * The paper says where it stands (after the convolutions of the FPN neck); its layers, its width and the zero start are ours.
 */
import { nn, scope, type Tensor } from "@rfmedsam/torch";
import { adapterWidth } from "./options.js";

export class CnnAdapter extends nn.Module {
  readonly down: nn.Conv2d;
  readonly depthwise: nn.Conv2d;
  readonly up: nn.Conv2d;

  constructor(channels: number, { ratio = 0.25 }: { readonly ratio?: number } = {}) {
    super();
    const width = adapterWidth(channels, ratio);
    this.down = new nn.Conv2d(channels, width, { kernel: 1 });
    this.depthwise = new nn.Conv2d(width, width, { kernel: 3, padding: 1, groups: width });
    this.up = new nn.Conv2d(width, channels, { kernel: 1, init: nn.init.zeros });
  }

  /** @param x feature map `[B, C, H, W]` @returns the same shape */
  forward(x: Tensor): Tensor {
    return scope(() => x.add(this.up.forward(this.depthwise.forward(this.down.forward(x)).gelu())));
  }
}
