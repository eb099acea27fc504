/**
 * SAM's image encoder: a plain vision transformer with an absolute and relative positions (ViTDet, Li et al. 2022).
 *
 *   image ─► patch embed ─► + position ─► block ─ … ─► block ─► neck ─► embedding
 *
 *   block:  x ─┬─► norm ─► attention ─► + ─┬─► norm ─┬─► MLP ─────► + ─► + ─►
 *              └───────────────────────────┤         └─► adapter ────────┘
 *                                          └──────────────────────┘              (the adapter: SAM-Med2D only)
 *
 * Attention runs within windows except in a few blocks that see the whole map; windows that do not divide the map are padded with zeros
 * that take part in attention.
 */
import { F, nn, scope, type Tensor, zeros } from "@rfmedsam/torch";
import { channelsFirst } from "../layout.js";
import { EncoderAdapter } from "../sam-med2d/adapter.js";
import { PatchEmbed } from "../sam2/hiera.js";
import { MlpBlock } from "../sam2/mlp.js";
import type { Grid } from "../sam2/position.js";
import { joinWindows, splitWindows } from "../sam2/windows.js";
import type { SamConfig, ViTConfig } from "./config.js";
import { relativePositionBias } from "./relative-position.js";

export interface EncoderOptions {
  /** Whether the blocks' adapters take part; false is the network without them. */
  readonly adapters?: boolean | undefined;
}

/** Self-attention over a map of tokens with relative positions. */
export class RelativeAttention extends nn.Module {
  readonly relPosH: nn.Parameter;
  readonly relPosW: nn.Parameter;
  readonly qkv: nn.Linear;
  readonly proj: nn.Linear;

  /** @param grid rows and columns of the maps it will mostly see: a window, or the whole image */
  constructor(
    readonly width: number,
    readonly heads: number,
    [rows, columns]: Grid,
    { bias }: { readonly bias: boolean },
  ) {
    super();
    const perHead = width / heads;
    this.relPosH = new nn.Parameter(zeros([2 * rows - 1, perHead]));
    this.relPosW = new nn.Parameter(zeros([2 * columns - 1, perHead]));
    this.qkv = new nn.Linear(width, 3 * width, { bias });
    this.proj = new nn.Linear(width, width);
  }

  /**
   * @param x `[B, H, W, C]` @param window side of the windows that attention stays within, in tokens; 0 means the whole map
   * @returns the same shape
   */
  forward(x: Tensor, window = 0): Tensor {
    return scope(() => {
      if (window === 0) return this.proj.forward(this.#attend(this.qkv.forward(x)));
      // Only real tokens are projected; of a zero there is the bias alone, which is added when the windows are full.
      const { windows, count } = splitWindows(F.linear(x, this.qkv.weight), window);
      const { bias } = this.qkv;
      const filled = bias === undefined ? windows : windows.add(bias.to({ dtype: windows.dtype }));
      return this.proj.forward(joinWindows(this.#attend(filled), count, [x.shape[1]!, x.shape[2]!]));
    });
  }

  /** @param projected queries, keys and values `[B, H, W, 3·C]` @returns `[B, H, W, C]` */
  #attend(projected: Tensor): Tensor {
    const [batch, height, width] = projected.shape as [number, number, number];
    const perHead = this.width / this.heads;
    const parts = projected.reshape([batch, height * width, 3, this.heads, perHead]).permute([2, 0, 3, 1, 4]);
    const [q, k, v] = parts.unbind() as [Tensor, Tensor, Tensor];
    const placed = q.reshape([batch, this.heads, height, width, perHead]);
    const attnMask = relativePositionBias(placed, this.relPosH, this.relPosW);
    const attended = F.scaledDotProductAttention(q, k, v, { attnMask });
    return attended.transpose(1, 2).reshape([batch, height, width, this.width]);
  }
}

export class ViTBlock extends nn.Module {
  protected override readonly stateNames = { adapter: "Adapter" };
  readonly norm1: nn.LayerNorm;
  readonly attn: RelativeAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: MlpBlock;
  readonly adapter: EncoderAdapter | undefined;

  /** @param window side of the attention windows in tokens; 0 means the whole map @param grid rows and columns of the whole map */
  constructor(
    config: ViTConfig,
    readonly window: number,
    grid: Grid,
  ) {
    super();
    const { embedDim, numHeads, mlpRatio, normEps, qkvBias, adapter } = config;
    this.norm1 = new nn.LayerNorm(embedDim, { eps: normEps });
    this.attn = new RelativeAttention(embedDim, numHeads, window > 0 ? [window, window] : grid, { bias: qkvBias });
    this.norm2 = new nn.LayerNorm(embedDim, { eps: normEps });
    this.mlp = new MlpBlock(embedDim, Math.floor(embedDim * mlpRatio), "gelu");
    this.adapter = adapter === undefined ? undefined : new EncoderAdapter(embedDim, adapter);
  }

  /** @param x `[B, H, W, C]` @returns the same shape */
  forward(x: Tensor, { adapters = true }: EncoderOptions = {}): Tensor {
    return scope(() => {
      const mixed = x.add(this.attn.forward(this.norm1.forward(x), this.window));
      const normed = this.norm2.forward(mixed);
      const out = mixed.add(this.mlp.forward(normed));
      return this.adapter === undefined || !adapters ? out : out.add(this.adapter.forward(normed));
    });
  }
}

export class ViTEncoder extends nn.Module {
  readonly posEmbed: nn.Parameter;
  readonly patchEmbed: PatchEmbed;
  readonly blocks: nn.ModuleList<ViTBlock>;
  readonly neck: nn.Sequential;

  constructor({ imageSize, imageEncoder: config }: SamConfig) {
    super();
    const { patchSize, embedDim, depth, globalAttnIndexes, windowSize, outChans } = config;
    const side = imageSize / patchSize;
    this.posEmbed = new nn.Parameter(zeros([1, side, side, embedDim]));
    this.patchEmbed = new PatchEmbed(embedDim, { kernel: patchSize, stride: patchSize, padding: 0 });
    const windows = Array.from({ length: depth }, (_, block) => (globalAttnIndexes.includes(block) ? 0 : windowSize));
    this.blocks = new nn.ModuleList(windows.map((window) => new ViTBlock(config, window, [side, side])));
    this.neck = new nn.Sequential(
      new nn.Conv2d(embedDim, outChans, { kernel: 1, bias: false }),
      new nn.LayerNorm2d(outChans),
      new nn.Conv2d(outChans, outChans, { kernel: 3, padding: 1, bias: false }),
      new nn.LayerNorm2d(outChans),
    );
  }

  /** @param image `[B, 3, S, S]`, normalised @returns `[B, outChans, S / patch, S / patch]` */
  forward(image: Tensor, options: EncoderOptions = {}): Tensor {
    return scope(() => {
      // the position comes first: its memory order (channels last) becomes that of all maps to follow
      let x = scope(() => this.posEmbed.add(this.patchEmbed.forward(image)));
      for (const block of this.blocks) {
        const before = x;
        x = block.forward(before, options);
        before.free(); // as soon as it is not needed: a large model's maps together would fill the memory
      }
      return this.neck.forward(channelsFirst(x));
    });
  }
}
