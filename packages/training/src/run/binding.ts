/**
 * What of a configuration binds a run that goes on. The settings below say how much of the machine a run may take and how often it saves;
 * what they decided once (patch and batch) is in the plan, and the machine may be another one by then.
 */
import { isDeepStrictEqual } from "node:util";
import { type TrainingConfiguration, trainingSchema } from "../config.js";

const free: ReadonlySet<string> = new Set<keyof TrainingConfiguration>(["memory", "checkpointEvery"]);

/**
 * The part of a configuration that must be the same to go on, or to be taken for the same training.
 *
 * @param configuration resolved, or as an earlier version stored it: keys that came later have the value that changes nothing, their
 * default. One that this version does not understand stays as it is, and differs from every other.
 */
export function bindingConfiguration(configuration: unknown): Readonly<Record<string, unknown>> {
  const read = trainingSchema.safeParse(configuration);
  const values: unknown = read.success ? read.data : configuration;
  return Object.fromEntries(Object.entries(Object(values)).filter(([key]) => !free.has(key)));
}

/** Whether two configurations train the same model once there is a plan. */
export const bindsTheSame = (one: unknown, other: unknown): boolean =>
  isDeepStrictEqual(bindingConfiguration(one), bindingConfiguration(other));
