/**
 * What a training run is told: one validated record (`config-schema.ts`), from a preset and an optional YAML or JSON file over it. The
 * resolved record is written into the model folder.
 */
import { ConfigError } from "@rfmedsam/base";
import { parseWithSchema } from "@rfmedsam/segmenter";
import { type TrainingConfiguration, trainingSchema } from "./config-schema.js";
import { defaultPreset, type PresetName, presetNamed, presets } from "./presets.js";
import { readYaml } from "./read-yaml.js";

export { type TrainingConfiguration, trainingSchema } from "./config-schema.js";

/** A record in which everything may be left out. */
export type Partially<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { readonly [K in keyof T]?: Partially<T[K]> }
    : T;

/**
 * The configuration of a preset with some values changed.
 *
 * @param changes nested like the configuration; lists and unions are replaced whole
 * @throws ConfigError that names the wrong keys
 */
export function resolveConfiguration(preset: PresetName, changes: unknown = {}, file?: string): TrainingConfiguration {
  if (!isRecord(changes)) {
    throw new ConfigError({
      file,
      found: `a configuration that is ${changes === null ? "empty" : typeof changes}`,
      expected: "keys and values",
    });
  }
  return parseWithSchema(trainingSchema, overlay(presets[preset], changes), file === undefined ? {} : { file });
}

/**
 * Reads a YAML or JSON file: its `preset` and the values it changes.
 *
 * @param asked the preset where the file names none, `defaultPreset` unless given
 * @throws ConfigError also when the file names another one
 */
export async function readConfiguration(file: string, asked?: PresetName): Promise<TrainingConfiguration> {
  const parsed = (await readYaml(file)) ?? {};
  const { preset = asked ?? defaultPreset, ...changes } = isRecord(parsed) ? parsed : { value: parsed };
  const named = presetNamed(preset, file);
  if (asked !== undefined && asked !== named) {
    throw new ConfigError({
      file,
      found: `preset ${named}, and --preset ${asked}`,
      expected: "one preset",
      hint: "leave --preset out, or the line `preset:` in the file",
    });
  }
  return resolveConfiguration(named, changes, file);
}

/** Values of `changes` over those of `base`, table by table; lists are replaced whole. */
export function overlay(base: unknown, changes: unknown): unknown {
  if (!isRecord(base) || !isRecord(changes)) return changes;
  const out: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(changes))
    out[key] = Object.hasOwn(base, key) ? overlay(base[key], value) : value;
  return out;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
