/**
 * SAM-Med2D's adapter: gives a block of the image encoder channel attention and a local, spatial view (arXiv 2308.16184, figure 3).
 *
 *   x ─┬─► mean ─► linear ─► ReLU ─► linear ─► sigmoid ─► × ─► 3×3 conv, stride 2 ─► ReLU ─► 4×4 transposed conv, stride 2 ─► ReLU ─► + ─► norm ─►
 *      ├──────────────────────────────────────────────────┘                                                                           │
 *      └──────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────────┘
 *
 * It sees the whole map, so the rows and columns of tokens must be even. The last layer is a norm: unlike RFMedSAM 2's, an untrained one
 * does change the encoder, and leaving it out is another network (the paper's "*" rows).
 */
import { nn, scope, type Tensor } from "@rfmedsam/torch";
import { channelsFirst, channelsLast } from "../layout.js";

/**
 * Half the resolution and back; indices are the official sequence's.
 *
 * Where there are fewer positions than channels, as at 256 × 256, both convolutions run as one matrix product each on the CPU: reading the
 * weights once is then all the work, and oneDNN's convolutions rearrange them at every call (measured: a third of the time, also backward).
 */
class LocalView extends nn.Module {
  protected override readonly stateNames = { down: "0", up: "2" };
  readonly down: nn.Conv2d;
  readonly up: nn.ConvTranspose2d;

  constructor(readonly channels: number) {
    super();
    this.down = new nn.Conv2d(channels, channels, { kernel: 3, stride: 2, padding: 1, bias: false });
    this.up = new nn.ConvTranspose2d(channels, channels, { kernel: 4, stride: 2, padding: 1, bias: false });
  }

  /** @param x `[B, C, H, W]` @returns the same shape */
  forward(x: Tensor): Tensor {
    const [batch, , height, width] = x.shape as [number, number, number, number];
    const positions = (batch * height * width) / 4;
    return scope(() => {
      if (x.device !== "cpu" || positions > this.channels) {
        return this.up.forward(this.down.forward(x).relu()).relu();
      }
      const [down, up] = [this.down, this.up].map(({ weight }) => weight.flatten({ startDim: 1 })) as [Tensor, Tensor];
      const half = down.matmul(x.im2col(3, 1, 1, 2)).relu();
      return up.transpose(0, 1).matmul(half).col2im([height, width], 4, 1, 1, 2).relu();
    });
  }
}

export interface EncoderAdapterOptions {
  /** Width of the channel attention's bottleneck as a share of the channels. */
  readonly mlpRatio: number;
  readonly normEps: number;
}

export class EncoderAdapter extends nn.Module {
  readonly norm: nn.LayerNorm;
  readonly channel: nn.Sequential;
  readonly spatial: LocalView;

  constructor(channels: number, { mlpRatio, normEps }: EncoderAdapterOptions) {
    super();
    const hidden = Math.floor(channels * mlpRatio);
    const bias = false;
    this.norm = new nn.LayerNorm(channels, { eps: normEps });
    this.channel = new nn.Sequential(
      new nn.Linear(channels, hidden, { bias }),
      new nn.ReLU(),
      new nn.Linear(hidden, channels, { bias }),
      new nn.Sigmoid(),
    );
    this.spatial = new LocalView(channels);
  }

  /** @param x `[B, H, W, C]`, H and W even @returns the same shape */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const gates = this.channel
        .forward(x.mean([1, 2]))
        .unsqueeze(1)
        .unsqueeze(1);
      const local = this.spatial.forward(channelsFirst(x.mul(gates)));
      return this.norm.forward(x.add(channelsLast(local)));
    });
  }
}
