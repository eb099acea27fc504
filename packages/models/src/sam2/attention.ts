/**
 * Attention between token sequences, with separate projections and an inner width that may be narrower than the tokens. The rotary
 * variant turns queries and keys by their place in the image first, so that their products depend on relative places.
 */

import { ConfigError, EngineError } from "@rfmedsam/base";
import { F, nn, scope, type Tensor } from "@rfmedsam/torch";
import { AxialRotary, type Grid } from "./position.js";

export interface AttentionOptions {
  readonly heads: number;
  /** Inner width is `width / downsampleRate`. */
  readonly downsampleRate?: number;
  /** Width of keys and values before projection, when it differs from the queries'. */
  readonly keyWidth?: number;
  /** Dropout of attention weights while training. */
  readonly dropout?: number;
}

export class Attention extends nn.Module {
  readonly qProj: nn.Linear;
  readonly kProj: nn.Linear;
  readonly vProj: nn.Linear;
  readonly outProj: nn.Linear;
  readonly heads: number;
  readonly perHead: number;
  readonly #dropout: number;

  constructor(
    readonly width: number,
    { heads, downsampleRate = 1, keyWidth = width, dropout = 0 }: AttentionOptions,
  ) {
    super();
    const inner = width / downsampleRate;
    if (!Number.isInteger(inner / heads)) {
      throw new ConfigError({
        found: `${heads} attention heads over a width of ${inner}`,
        expected: "a width that the heads divide",
      });
    }
    this.qProj = new nn.Linear(width, inner);
    this.kProj = new nn.Linear(keyWidth, inner);
    this.vProj = new nn.Linear(keyWidth, inner);
    this.outProj = new nn.Linear(inner, width);
    this.heads = heads;
    this.perHead = inner / heads;
    this.#dropout = dropout;
  }

  /** @param q `[B, N, width]` @param k `[B, M, keyWidth]` @param v `[B, M, keyWidth]` @returns `[B, N, width]` */
  forward(q: Tensor, k: Tensor, v: Tensor): Tensor {
    return scope(() =>
      this.attend(
        this.split(this.qProj.forward(q)),
        this.split(this.kProj.forward(k)),
        this.split(this.vProj.forward(v)),
      ),
    );
  }

  /** `[B, N, inner]` → `[B, heads, N, perHead]` */
  protected split(x: Tensor): Tensor {
    const [batch, tokens] = x.shape as [number, number, number];
    return x.reshape([batch, tokens, this.heads, this.perHead]).transpose(1, 2);
  }

  protected attend(q: Tensor, k: Tensor, v: Tensor): Tensor {
    const attended = F.scaledDotProductAttention(q, k, v, { dropoutP: this.training ? this.#dropout : 0 });
    const [batch, , tokens] = attended.shape as [number, number, number, number];
    return this.outProj.forward(attended.transpose(1, 2).reshape([batch, tokens, this.heads * this.perHead]));
  }
}

/** Attention over image tokens with axial rotary encoding. */
export class RotaryAttention extends Attention {
  readonly rotary: AxialRotary;

  constructor(width: number, options: AttentionOptions & { readonly theta: number }) {
    super(width, options);
    this.rotary = new AxialRotary(this.perHead, options.theta);
  }

  /**
   * @param q `[B, H·W, width]`, tokens of one image
   * @param k `[B, R·H·W + P, keyWidth]`: tokens of R images, then P tokens without a place, which are not rotated
   * @param grid `[H, W]` of the queries' image and of each image among the keys
   * @param placeless P
   */
  override forward(q: Tensor, k: Tensor, v: Tensor, grid?: Grid, placeless = 0): Tensor {
    return scope(() => {
      if (grid === undefined) return super.forward(q, k, v);
      const queries = this.rotary.rotate(this.split(this.qProj.forward(q)), grid);
      const keys = this.split(this.kProj.forward(k));
      const placed = keys.shape[2]! - placeless;
      if (placed % (grid[0] * grid[1]) !== 0) {
        throw new EngineError({
          found: `${placed} key tokens with a place in the image`,
          expected: `a multiple of the ${grid[0]}×${grid[1]} tokens of one image`,
        });
      }
      const rotated = placed === 0 ? keys : this.rotary.rotate(keys.narrow(2, 0, placed), grid);
      const all =
        placeless === 0 || placed === 0 ? rotated : F.cat([rotated, keys.narrow(2, placed, placeless)], { dim: 2 });
      return this.attend(queries, all, this.split(this.vProj.forward(v)));
    });
  }
}
