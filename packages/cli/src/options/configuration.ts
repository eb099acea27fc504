/** The options that say how to train: a preset, a file over it, single values over both. */
import type { TrainingConfiguration } from "@rfmedsam/training";
import { type Command, Option } from "commander";
import { collect } from "./parsers.js";
import { applySettings, parseSettings } from "./settings.js";

export interface ConfigurationOptions {
  readonly preset?: string;
  readonly config?: string;
  readonly set: readonly string[];
}

/** Where a user reads which keys there are. */
export const everyKey = "rfmedsam plan --configuration prints every key with what it may be";

/** Adds them to a command. */
export function withConfiguration(command: Command): Command {
  return command
    .option("--preset <name>", "configuration to start from: cpu, demo, gpu (default: the file's, else cpu)")
    .option("--config <file>", "YAML or JSON with the values that differ from the preset")
    .addOption(
      new Option("--set <key.path=value>", `change one value; may be given several times (${everyKey})`)
        .argParser(collect)
        .default([], "none"),
    );
}

/** @throws ConfigError for unknown presets, keys and values, FileError for a file that cannot be read */
export async function configurationOf({ preset, config, set }: ConfigurationOptions): Promise<TrainingConfiguration> {
  const settings = await parseSettings(set);
  const training = await import("@rfmedsam/training");
  const { parseWithSchema } = await import("@rfmedsam/segmenter");
  const named = preset === undefined ? undefined : training.presetNamed(preset, "--preset");
  const base =
    config === undefined
      ? training.resolveConfiguration(named ?? training.defaultPreset)
      : await training.readConfiguration(config, named);
  return parseWithSchema(training.trainingSchema, applySettings(base, settings), { file: "--set" });
}
