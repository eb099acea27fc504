/** Configurations of the refiner for its tests: one source of prompts at a time, boxes where they are. */
import type { PromptSource } from "../prompt-sources.js";

export const noJitter = { deviation: 0, limit: 0 };

export function only(source: PromptSource): Record<PromptSource, number> {
  return { outOfFold: 0, degradedTruth: 0, degradedPrediction: 0, mask: 0, box: 0, clicks: 0, [source]: 1 };
}
