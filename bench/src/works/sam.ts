/** SAM and SAM-Med2D: encoding a picture. Without gradients, as in use. */
import { type OfficialSamName, officialSamConfigs, Sam } from "@rfmedsam/models";
import { noGrad, randn, scope } from "@rfmedsam/torch";
import { drawn } from "./official.js";
import { named, sample, type Work } from "./work.js";

export interface SamParameters {
  readonly model: OfficialSamName;
}

export function samImageEncoder({ model }: SamParameters): Work {
  const { imageSize } = officialSamConfigs[model];
  const sam = drawn(() => new Sam(officialSamConfigs[model]).eval());
  // The other side has the encoder alone.
  sam.promptEncoder.free();
  sam.maskDecoder.free();
  const image = randn([1, 3, imageSize, imageSize]).keep();
  return {
    tensors: named(sam.imageEncoder.stateDict(), { image }),
    run: () => noGrad(() => scope(() => sample([sam.encodeImage(image)]))),
  };
}
