/** The prompt generators a training configuration may name. */
import type { Sam2Base } from "../sam2/sam2-base.js";
import type { PromptGenerator } from "./generator.js";
import { LearnedTokens } from "./learned-tokens.js";
import { LightDecoder } from "./light-decoder.js";

/** A new generator is one row. */
const makers = {
  "light-decoder": ({ config }, classes) =>
    new LightDecoder({
      width: config.imageEncoder.neck.dModel,
      classes,
      highRes: config.useHighResFeaturesInSam,
    }),
  "learned-tokens": (sam2, classes) => new LearnedTokens(sam2, { classes }),
} as const satisfies Record<string, (sam2: Sam2Base, classes: number) => PromptGenerator>;

export type PromptGeneratorName = keyof typeof makers;
export const promptGeneratorNames = Object.keys(makers) as readonly PromptGeneratorName[];

/** An untrained generator for a model. @param classes with the background */
export function promptGeneratorNamed(name: PromptGeneratorName, sam2: Sam2Base, classes: number): PromptGenerator {
  return makers[name](sam2, classes);
}
