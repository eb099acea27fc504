/**
 * What proposes where every class is, from the image embedding alone, so that prompts need no U-Net. RFMedSAM 2's authors compared
 * such generators and kept the U-Net; these two are the others (their layers are ours).
 */
import { nn, type Tensor } from "@rfmedsam/torch";
import type { ImageEmbedding } from "../sam2/memory-set.js";

export abstract class PromptGenerator extends nn.Module {
  /**
   * @param embedding of N slices, without memory
   * @returns class logits `[N, K, m, m]`, background first; m is a quarter of the image size
   */
  abstract propose(embedding: ImageEmbedding): Tensor;
}
