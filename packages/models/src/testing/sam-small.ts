/** A tiny SAM with random weights, for laws that need no reference. */
import { manualSeed, nn, noGrad, scope } from "@rfmedsam/torch";
import { type SamConfig, type SamConfigInput, samConfig } from "../sam/config.js";
import { Sam } from "../sam/sam.js";

/** 4 × 4 tokens, windows of 3 (which do not divide the map), the last block global, adapters unless they are taken out. */
export function tinySamConfig(
  encoder: Partial<SamConfigInput["imageEncoder"]> = {},
  changes: Partial<SamConfigInput> = {},
): SamConfig {
  return samConfig({
    imageSize: 64,
    pictureRule: "sam-med2d",
    imageEncoder: {
      embedDim: 16,
      depth: 2,
      numHeads: 2,
      outChans: 16,
      windowSize: 3,
      globalAttnIndexes: [1],
      adapter: {},
      ...encoder,
    },
    maskDecoder: { iouHeadHiddenDim: 16, transformer: { mlpDim: 32, numHeads: 4 } },
    ...changes,
  });
}

/** A model that is not training, every parameter away from its first value so that no zero hides a mistake. */
export function tinySam(config = tinySamConfig()): Sam {
  manualSeed(11);
  const model = new Sam(config);
  noGrad(() =>
    scope(() => {
      for (const [name, parameter] of model.namedParameters()) {
        if (/pos_embed|rel_pos|norm/.test(name)) nn.init.normal(0.5)(parameter);
      }
    }),
  );
  return model.eval();
}
