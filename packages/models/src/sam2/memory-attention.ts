/**
 * Memory attention: the current image's tokens look at themselves, then at the memories.
 *
 *   tokens (+ 0.1 · position) ──► ┌ self-attention ──► attention to memories ──► MLP ┐ × layers ──► norm ──►
 *                                 └───────────────────────▲──────────────────────────┘
 *                                    spatial memories (rotary), object pointers (no place)
 */
import { nn, scope, type Tensor } from "@rfmedsam/torch";
import type { DWConvAdapter } from "../adapters/dwconv-adapter.js";
import { RotaryAttention } from "./attention.js";
import type { MemoryAttentionConfig } from "./config.js";
import { activate } from "./mlp.js";
import type { Grid } from "./position.js";

/** Everything the current image may look at, as tokens: R spatial memories of h·w tokens each, then the pointers' tokens. */
export interface MemoryTokens {
  /** `[B, R·h·w + P, memory width]` */
  readonly values: Tensor;
  /** Where and when each token is, same shape (or batch 1). */
  readonly positions: Tensor;
  /** P: tokens at the end that have no place in the image. */
  readonly pointerTokens: number;
}

export class MemoryAttentionLayer extends nn.Module {
  readonly selfAttn: RotaryAttention;
  readonly crossAttnImage: RotaryAttention;
  readonly linear1: nn.Linear;
  readonly dropout: nn.Dropout;
  readonly linear2: nn.Linear;
  readonly norm1: nn.LayerNorm;
  readonly norm2: nn.LayerNorm;
  readonly norm3: nn.LayerNorm;
  readonly dropout1: nn.Dropout;
  readonly dropout2: nn.Dropout;
  readonly dropout3: nn.Dropout;
  /** After the image's attention to itself. */
  selfAttnAdapter: DWConvAdapter | undefined;
  /** After the image's attention to the memories. */
  crossAttnAdapter: DWConvAdapter | undefined;
  readonly #config: MemoryAttentionConfig;

  constructor(width: number, memoryWidth: number, config: MemoryAttentionConfig) {
    super();
    const { numHeads: heads, downsampleRate, dropout, ropeTheta: theta, dimFeedforward, normEps: eps } = config;
    this.selfAttn = new RotaryAttention(width, { heads, downsampleRate, dropout, theta });
    this.crossAttnImage = new RotaryAttention(width, { heads, downsampleRate, dropout, theta, keyWidth: memoryWidth });
    this.linear1 = new nn.Linear(width, dimFeedforward);
    this.dropout = new nn.Dropout(dropout);
    this.linear2 = new nn.Linear(dimFeedforward, width);
    this.norm1 = new nn.LayerNorm(width, { eps });
    this.norm2 = new nn.LayerNorm(width, { eps });
    this.norm3 = new nn.LayerNorm(width, { eps });
    this.dropout1 = new nn.Dropout(dropout);
    this.dropout2 = new nn.Dropout(dropout);
    this.dropout3 = new nn.Dropout(dropout);
    this.#config = config;
  }

  forward(tokens: Tensor, position: Tensor, memory: MemoryTokens, grid: Grid): Tensor {
    return scope(() => {
      const { posEncAtAttn, posEncAtCrossAttnQueries, posEncAtCrossAttnKeys, activation } = this.#config;

      const own = this.norm1.forward(tokens);
      const placed = posEncAtAttn ? own.add(position) : own;
      const looked = adapt(this.selfAttnAdapter, this.selfAttn.forward(placed, placed, own, grid), grid);
      let x = tokens.add(this.dropout1.forward(looked));

      const normed = this.norm2.forward(x);
      const remembered = this.crossAttnImage.forward(
        posEncAtCrossAttnQueries ? normed.add(position) : normed,
        posEncAtCrossAttnKeys ? memory.values.add(memory.positions) : memory.values,
        memory.values,
        grid,
        memory.pointerTokens,
      );
      x = x.add(this.dropout2.forward(adapt(this.crossAttnAdapter, remembered, grid)));

      const hidden = activate(this.linear1.forward(this.norm3.forward(x)), activation);
      return x.add(this.dropout3.forward(this.linear2.forward(this.dropout.forward(hidden))));
    });
  }
}

function adapt(adapter: DWConvAdapter | undefined, x: Tensor, grid: Grid): Tensor {
  return adapter === undefined ? x : adapter.forwardTokens(x, grid);
}

export class MemoryAttention extends nn.Module {
  readonly layers: nn.ModuleList<MemoryAttentionLayer>;
  readonly norm: nn.LayerNorm;
  readonly #posEncAtInput: boolean;

  constructor(width: number, memoryWidth: number, config: MemoryAttentionConfig) {
    super();
    const layers = Array.from({ length: config.numLayers }, () => new MemoryAttentionLayer(width, memoryWidth, config));
    this.layers = new nn.ModuleList(layers);
    this.norm = new nn.LayerNorm(width, { eps: config.normEps });
    this.#posEncAtInput = config.posEncAtInput;
  }

  /**
   * @param tokens the current image `[B, h·w, C]` @param position its encoding `[1 or B, h·w, C]`
   * @param grid `[h, w]`, also of every spatial memory @returns `[B, h·w, C]`
   */
  forward(tokens: Tensor, position: Tensor, memory: MemoryTokens, grid: Grid): Tensor {
    const start = this.#posEncAtInput ? tokens.add(position.mul(0.1)) : tokens;
    return this.norm.forward([...this.layers].reduce((x, layer) => layer.forward(x, position, memory, grid), start));
  }
}
