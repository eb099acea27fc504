/**
 * Which models an ablation needs: variants of the same configuration share one, models that differ in the refiner share a step 0, and those
 * that differ in the choices alone share a refiner, too.
 */
import { isDeepStrictEqual } from "node:util";
import type { TrainingConfiguration } from "../../config.js";
import { usesUNets } from "../../run/run.js";
import { refinesTheSame, step0Differences } from "../../run/work-from.js";
import type { Variant } from "./configuration.js";

export interface NeededModel {
  /** Its folder: the first variant that needs it. */
  readonly name: string;
  readonly configuration: TrainingConfiguration;
  readonly seedOffset: number;
  /** The model whose work it takes over: step 0, and a refiner that is the same. */
  readonly workFrom: string | undefined;
  /** Whether another takes over its own. */
  readonly keepWork: boolean;
}

/** @returns in the order of the variants; a model comes after the one whose step 0 it takes */
export function neededModels(variants: readonly Variant[]): NeededModel[] {
  const distinct = variants.filter((variant, at) => modelOf(variants.slice(0, at), variant) === undefined);
  const sources = distinct.map((variant, at) => {
    const earlier = distinct.slice(0, at).filter((before) => isSameSeed(before, variant));
    const refiner = earlier.find(({ configuration }) => sharesRefiner(configuration, variant.configuration));
    return refiner ?? earlier.find(({ configuration }) => sharesStep0(configuration, variant.configuration));
  });
  return distinct.map(({ name, configuration, seedOffset }, at) => ({
    name,
    configuration,
    seedOffset,
    workFrom: sources[at]?.name,
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

const sharesRefiner = (one: TrainingConfiguration, other: TrainingConfiguration): boolean =>
  one.refiner.enabled && refinesTheSame(one, other);

function sharesStep0(one: TrainingConfiguration, other: TrainingConfiguration): boolean {
  return usesUNets(one) && usesUNets(other) && step0Differences(one, other).length === 0;
}
