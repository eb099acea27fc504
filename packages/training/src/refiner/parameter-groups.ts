/** Which parameters of the refiner learn, and how fast: the first pattern that finds a parameter's official name decides. */
import { ConfigError } from "@rfmedsam/base";
import { isAdapterName } from "@rfmedsam/models";
import type { Tensor } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import type { RefinerModel } from "./model.js";

type Rates = Pick<TrainingConfiguration["refiner"], "groups" | "adapters">;

/** Parameters that learn at the same rate, as a part of the configuration's. */
export interface LearningGroup {
  readonly rate: number;
  readonly parameters: Tensor[];
}

/**
 * Switches gradients on where something learns and off elsewhere. Adapters, calibrations and prompt generators are new and always learn:
 * adapters at a rate of their own, the others at 1; no pattern is asked for them.
 *
 * @throws ConfigError for a pattern that is no regular expression, and for one that decides nothing
 */
export function chooseLearning(model: RefinerModel, { groups, adapters }: Rates): LearningGroup[] {
  const rules = groups.map(({ pattern, rate }) => ({
    pattern,
    rate,
    expression: compiled(pattern),
    found: 0,
    decided: 0,
  }));
  const learning = new Map<number, Tensor[]>();
  for (const [name, parameter] of model.namedParameters()) {
    const official = name.replace(/^sam2\./, "");
    let rate = 1;
    if (isAdapterName(name)) rate = adapters?.rate ?? 1;
    else if (official !== name) {
      const finding = rules.filter(({ expression }) => expression.test(official));
      for (const rule of finding) rule.found += 1;
      if (finding[0] !== undefined) finding[0].decided += 1;
      rate = finding[0]?.rate ?? 0;
    }
    parameter.requiresGrad = rate > 0;
    if (rate > 0) learning.set(rate, [...(learning.get(rate) ?? []), parameter]);
  }
  const idle = rules.find(({ decided }) => decided === 0);
  if (idle !== undefined) {
    throw new ConfigError({
      found: `refiner.groups: the pattern ${JSON.stringify(idle.pattern)} ${idle.found === 0 ? "finds no parameter" : "finds only parameters that patterns before it have taken"}`,
      expected: "a regular expression over official parameter names, such as memory_attention.layers.0.norm1.weight",
      hint:
        idle.found === 0
          ? "names of adapters are not asked for: they always learn, at refiner.adapters.rate"
          : "put the narrower pattern first: the first that finds a parameter decides",
    });
  }
  return [...learning].map(([rate, parameters]) => ({ rate, parameters }));
}

function compiled(pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch (cause) {
    throw new ConfigError({
      found: `refiner.groups: the pattern ${JSON.stringify(pattern)}`,
      expected: "a regular expression",
      cause,
    });
  }
}
