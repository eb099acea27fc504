/** Which models an ablation needs: variants of the same configuration share one, and models that differ in the refiner share a step 0. */
import { isDeepStrictEqual } from "node:util";
import type { TrainingConfiguration } from "../../config.js";
import { usesUNets } from "../../run/run.js";
import { step0Differences } from "../../run/step0-from.js";
import type { Variant } from "./configuration.js";

export interface NeededModel {
  /** Its folder: the first variant that needs it. */
  readonly name: string;
  readonly configuration: TrainingConfiguration;
  readonly seedOffset: number;
  /** The model whose step 0 it takes over. */
  readonly step0From: string | undefined;
  /** Whether another takes over its own. */
  readonly keepWork: boolean;
}

/** @returns in the order of the variants; a model comes after the one whose step 0 it takes */
export function neededModels(variants: readonly Variant[]): NeededModel[] {
  const distinct = variants.filter((variant, at) => modelOf(variants.slice(0, at), variant) === undefined);
  const sources = distinct.map((variant, at) =>
    distinct
      .slice(0, at)
      .find((before) => isSameSeed(before, variant) && sharesStep0(before.configuration, variant.configuration)),
  );
  return distinct.map(({ name, configuration, seedOffset }, at) => ({
    name,
    configuration,
    seedOffset,
    step0From: sources[at]?.name,
    keepWork: sources.some((source) => source?.name === name),
  }));
}

/** The model that answers for a variant, among those of others. */
export function modelOf<Model extends Trained>(models: readonly Model[], variant: Trained): Model | undefined {
  return models.find(
    (model) => isSameSeed(model, variant) && isDeepStrictEqual(model.configuration, variant.configuration),
  );
}

/** What a model is trained from. */
type Trained = Pick<Variant, "configuration" | "seedOffset">;

const isSameSeed = (one: Trained, other: Trained): boolean => one.seedOffset === other.seedOffset;

export function sharesStep0(one: TrainingConfiguration, other: TrainingConfiguration): boolean {
  return usesUNets(one) && usesUNets(other) && step0Differences(one, other).length === 0;
}
