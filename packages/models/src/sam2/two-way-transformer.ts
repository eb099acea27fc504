/**
 * SAM's two-way transformer: prompt tokens read from the image, and the image reads from the tokens.
 *
 *   tokens ─► self-attention ─► attend to image ─► MLP ─┬─────────────► tokens
 *   image ──────────────────────────▲                   └► attend to tokens ─► image
 *
 * Positions are added to queries and keys at every attention, never to the values.
 */
import { nn, scope, type Tensor } from "@rfmedsam/torch";
import type { DWConvAdapter } from "../adapters/dwconv-adapter.js";
import { toTokens } from "../layout.js";
import { Attention } from "./attention.js";
import type { MaskDecoderConfig } from "./config.js";
import { Mlp } from "./mlp.js";
import type { Grid } from "./position.js";

export type TransformerConfig = MaskDecoderConfig["transformer"];

/** Makes the perceptron of a layer; SAM and SAM 2 name its weights differently. */
export type MakeMlp = (width: number, hidden: number) => nn.Layer;

const sam2Mlp: MakeMlp = (width, hidden) => new Mlp([width, hidden, width]);

export class TwoWayAttentionBlock extends nn.Module {
  readonly selfAttn: Attention;
  readonly norm1: nn.LayerNorm;
  readonly crossAttnTokenToImage: Attention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: nn.Layer;
  readonly norm3: nn.LayerNorm;
  readonly norm4: nn.LayerNorm;
  readonly crossAttnImageToToken: Attention;
  /** On the image branch, after its attention to the tokens. */
  imageAdapter: DWConvAdapter | undefined;

  /** @param first the first layer's tokens are their own positions: its self-attention adds none and has no residual */
  constructor(
    width: number,
    { numHeads: heads, mlpDim, attentionDownsampleRate: downsampleRate }: TransformerConfig,
    readonly first: boolean,
    makeMlp: MakeMlp = sam2Mlp,
  ) {
    super();
    this.selfAttn = new Attention(width, { heads });
    this.norm1 = new nn.LayerNorm(width);
    this.crossAttnTokenToImage = new Attention(width, { heads, downsampleRate });
    this.norm2 = new nn.LayerNorm(width);
    this.mlp = makeMlp(width, mlpDim);
    this.norm3 = new nn.LayerNorm(width);
    this.norm4 = new nn.LayerNorm(width);
    this.crossAttnImageToToken = new Attention(width, { heads, downsampleRate });
  }

  forward(tokens: Tensor, image: Tensor, tokenPositions: Tensor, imagePositions: Tensor, grid: Grid): [Tensor, Tensor] {
    return scope(() => {
      const placed = tokens.add(tokenPositions);
      const selfAttended = this.first
        ? this.selfAttn.forward(tokens, tokens, tokens)
        : tokens.add(this.selfAttn.forward(placed, placed, tokens));
      let queries = this.norm1.forward(selfAttended);

      const keys = image.add(imagePositions);
      const read = this.crossAttnTokenToImage.forward(queries.add(tokenPositions), keys, image);
      queries = this.norm2.forward(queries.add(read));
      queries = this.norm3.forward(queries.add(this.mlp.forward(queries)));

      const written = this.crossAttnImageToToken.forward(keys, queries.add(tokenPositions), queries);
      const adapted = this.imageAdapter === undefined ? written : this.imageAdapter.forwardTokens(written, grid);
      return [queries, this.norm4.forward(image.add(adapted))];
    });
  }
}

export class TwoWayTransformer extends nn.Module {
  readonly layers: nn.ModuleList<TwoWayAttentionBlock>;
  readonly finalAttnTokenToImage: Attention;
  readonly normFinalAttn: nn.LayerNorm;

  constructor(width: number, config: TransformerConfig, makeMlp: MakeMlp = sam2Mlp) {
    super();
    const { depth, numHeads: heads, attentionDownsampleRate: downsampleRate } = config;
    const layers = Array.from(
      { length: depth },
      (_, layer) => new TwoWayAttentionBlock(width, config, layer === 0, makeMlp),
    );
    this.layers = new nn.ModuleList(layers);
    this.finalAttnTokenToImage = new Attention(width, { heads, downsampleRate });
    this.normFinalAttn = new nn.LayerNorm(width);
  }

  /**
   * @param image `[B, C, h, w]` @param imagePosition `[1 or B, C, h, w]` @param tokens `[B, N, C]`, also their own positions
   * @returns tokens `[B, N, C]` and image tokens `[B, h·w, C]`
   */
  forward(image: Tensor, imagePosition: Tensor, tokens: Tensor): { tokens: Tensor; image: Tensor } {
    return scope(() => {
      const grid: Grid = [image.shape[2]!, image.shape[3]!];
      const positions = toTokens(imagePosition);
      let state: [Tensor, Tensor] = [tokens, toTokens(image)];
      for (const layer of this.layers) state = layer.forward(...state, tokens, positions, grid);
      const [queries, keys] = state;
      const read = this.finalAttnTokenToImage.forward(queries.add(tokens), keys.add(positions), keys);
      return { tokens: this.normFinalAttn.forward(queries.add(read)), image: keys };
    });
  }
}
