/**
 * A few learned prompt tokens a class, given to the mask decoder in place of points: every class is asked for on every slice at once.
 * The answers, under one learned logit of background, are the class logits.
 */
import { F, full, nn, scope, type Tensor, zeros } from "@rfmedsam/torch";
import type { ImageEmbedding } from "../sam2/memory-set.js";
import type { Sam2Base } from "../sam2/sam2-base.js";
import { PromptGenerator } from "./generator.js";

export interface LearnedTokensOptions {
  /** With the background. */
  readonly classes: number;
  readonly tokensPerClass?: number;
}

export class LearnedTokens extends PromptGenerator {
  /** `[classes − 1, tokens, C]` */
  readonly tokens: nn.Parameter;
  /** `[1]`: the logit that a class must exceed. */
  readonly background: nn.Parameter;
  /** The model whose decoder answers; its weights are its own, not this module's. */
  readonly #sam2: Sam2Base;

  constructor(sam2: Sam2Base, { classes, tokensPerClass = 4 }: LearnedTokensOptions) {
    super();
    const width = sam2.config.imageEncoder.neck.dModel;
    // As point embeddings start: a standard normal.
    this.tokens = new nn.Parameter(nn.init.normal(1)(zeros([classes - 1, tokensPerClass, width])));
    this.background = new nn.Parameter(full([1], 0));
    this.#sam2 = sam2;
  }

  propose(embedding: ImageEmbedding): Tensor {
    return scope(() => {
      const { samPromptEncoder, samMaskDecoder } = this.#sam2;
      const classes = this.tokens.size(0);
      const seen = this.#sam2.condition(embedding, { spatial: [] });
      const count = seen.size(0);
      // Slice by slice, class by class: [N · (K − 1), …].
      const each = (x: Tensor) => x.repeatInterleave(classes, { dim: 0 });
      const { dense } = samPromptEncoder.forward({});
      const { masks } = samMaskDecoder.forward(
        {
          image: each(seen),
          imagePosition: samPromptEncoder.densePosition(),
          sparse: this.tokens.repeat([count, 1, 1]),
          dense: dense.expand([count * classes, ...dense.shape.slice(1)]),
          highRes: embedding.highRes && [each(embedding.highRes[0]), each(embedding.highRes[1])],
        },
        { multimask: false },
      );
      const [, , height, width] = masks.shape as [number, number, number, number];
      const foreground = masks.reshape([count, classes, height, width]);
      const background = this.background.reshape([1, 1, 1, 1]).expand([count, 1, height, width]);
      return F.cat([background.to({ dtype: foreground.dtype }), foreground], { dim: 1 });
    });
  }
}
