import { ConfigError } from "@rfmedsam/base";
import type { Normalisation } from "@rfmedsam/segmenter";
import type { DatasetPlan, DiskEstimate, MemoryEstimate, TrainingConfiguration } from "@rfmedsam/training";
import { type Command, InvalidArgumentError } from "commander";
import { type Context, type ContextOf, startEngine } from "../context.js";
import { type ConfigurationOptions, configurationOf, withConfiguration } from "../options/configuration.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit, type SplitOptions } from "../options/split.js";
import { formatBytes } from "../ui/format.js";
import { declare } from "./command.js";
import { listing } from "./info/description.js";

interface Options extends ConfigurationOptions, SplitOptions {
  readonly memory?: number;
  readonly configuration?: boolean;
}

/** GiB, above 0. */
function gibibytes(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("Expected GiB, a number above 0.");
}

/** `rfmedsam plan DATASET`, `rfmedsam plan --configuration` */
export function plan(context: ContextOf): Command {
  return withConfiguration(
    declare({
      name: "plan",
      summary: "what training on a data set would do, and the memory and disk it would take",
      description:
        "Looks at all cases and prints spacing, patch, network and normalisation as `rfmedsam train` would choose them, how the cases are " +
        "divided, the memory each phase takes, part by part, and the disk that the output folder needs while training. Trains nothing, writes " +
        "nothing. Per-axis numbers are in the order z, y, x.\n\n" +
        "With --configuration it prints the settings instead: every key of --set, --config and of a recipe's or an ablation's changes, what " +
        "it means and what it may be.",
      examples: [
        ["rfmedsam plan Dataset004_Hippocampus", "with the preset for a computer without a GPU"],
        ["rfmedsam plan DATASET --memory 4", "for a computer with 4 GiB to spare"],
        ["rfmedsam plan --configuration --preset gpu > mine.yaml", "every setting, as a file for --config"],
        ["rfmedsam plan DATASET --set preprocessing.spacing=low --set step0.dimensions=3", "at low resolution"],
      ],
    }),
  )
    .argument("[dataset]", "folder in nnU-Net's layout; not needed with --configuration")
    .option("--configuration", "print every setting with what it means and what it may be, and plan nothing")
    .option("--split <file>", "nnU-Net's splits_final.json: plan for the training cases of a fold")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0))
    .option("--memory <gib>", "GiB that training may take (default: the configuration's)", gibibytes)
    .action(async (folder: string | undefined, options: Options) => {
      const running = context();
      const { ui, signal, options: global } = running;
      if (options.configuration) return showConfiguration(running, options);
      if (folder === undefined) {
        const hint = "add --configuration to see the settings alone";
        throw new ConfigError({ file: "DATASET", found: "not given", expected: "a folder in nnU-Net's layout", hint });
      }
      const { chooseDevice } = await startEngine(running);
      const { budgetOf, overBudget, planDataset, readDataset, remedyFor, selectCases } = await import(
        "@rfmedsam/training"
      );
      const only = await casesOfSplit(options, "train");
      const configuration = await configured(options);
      const device = chooseDevice(global.device);
      const dataset = selectCases(await readDataset(folder), only);
      const planned = await planDataset(dataset, {
        configuration,
        seed: global.seed,
        device,
        progress: ui.progress,
        signal,
      });
      for (const sentence of planned.advice) ui.note(sentence);
      const over = overBudget(planned.memory, planned);
      for (const estimate of over) {
        const { phase, total } = estimate;
        const there = `${formatBytes(budgetOf(estimate, planned))}${whereOf(estimate, device)}`;
        ui.note(`${phase} takes ${formatBytes(total)}, more than the ${there} there are: ${remedyFor(phase)}.`);
      }
      ui.result(describePlanned(planned, device), {
        command: "plan",
        dataset: dataset.name,
        device,
        configuration,
        ...planned,
        over: over.map(({ phase }) => phase),
      });
    });
}

async function configured(options: Options): Promise<TrainingConfiguration> {
  const configuration = await configurationOf(options);
  return { ...configuration, memory: options.memory ?? configuration.memory };
}

async function showConfiguration({ ui }: Context, options: Options): Promise<void> {
  const { describeConfiguration } = await import("@rfmedsam/training");
  const configuration = await configured(options);
  ui.result(describeConfiguration(configuration).trimEnd(), { command: "plan", configuration });
}

const triple = (values: readonly number[]) => values.map((value) => Number(value.toPrecision(4))).join(" × ");

/** What the command prints. */
export function describePlanned(planned: DatasetPlan, device: string): string {
  const memory = planned.memory.map((estimate) => describeMemory(estimate, device));
  return [describe(planned, device), "", ...memory, describeDisk(planned.disk)].join("\n");
}

/** Which memory is meant, where there are two. */
function whereOf({ place }: Pick<MemoryEstimate, "place">, device: string): string {
  if (device === "cpu") return "";
  return place === "host" ? " of main memory" : ` on ${device}`;
}

function describe(
  {
    plan: { recipe, medianShape, patch, batch, batchDice, architecture },
    fingerprint,
    division,
    ...planned
  }: DatasetPlan,
  device: string,
): string {
  const { budget, hostBudget } = planned;
  const limits =
    device === "cpu"
      ? ([["host", budget]] as const)
      : ([
          ["device", budget],
          ["host", hostBudget],
        ] as const);
  const { strides, kernels, features } = architecture;
  const [first] = division.folds;
  return listing([
    ["cases", fingerprint.cases],
    [
      "step 0",
      division.folds.length === 1
        ? `1 U-Net on all ${first!.training}`
        : division.folds.map(({ training, leftOut }) => `${training} to learn from, ${leftOut} left out`).join("; "),
    ],
    ["refiner", `${division.refiner} to learn from, ${division.validation} to decide on`],
    ["spacing", recipe.spacing === null ? "each case's own" : `${triple(recipe.spacing)} mm`],
    ["median case", `${triple(medianShape)} voxels`],
    ["patch", `${triple(patch)} voxels, ${batch} at a time`],
    ["Dice", batchDice ? "over the patches of a step together" : "patch by patch"],
    ["features", features.join(", ")],
    ["pooling", strides.map((stride) => stride.join("·")).join(", ")],
    ["kernels", kernels.map((kernel) => kernel.join("·")).join(", ")],
    [
      "cropping",
      recipe.cropToNonzero ? `to what is not zero (leaves ${(100 * fingerprint.kept).toFixed(0)} %)` : "none",
    ],
    ["intensities", recipe.normalisation.map(normalisationInWords).join("; ")],
    ["memory to use", limits.map(([place, bytes]) => `${formatBytes(bytes)}${whereOf({ place }, device)}`).join(", ")],
  ]);
}

function normalisationInWords(rule: Normalisation): string {
  switch (rule.kind) {
    case "ct":
      return `CT ${rule.low.toFixed(0)} … ${rule.high.toFixed(0)}, mean ${rule.mean.toFixed(1)}, deviation ${rule.std.toFixed(1)}`;
    case "zscore":
      return `each case's own mean and deviation${rule.insideNonzero ? ", of what is not zero" : ""}`;
    case "range":
      return "each case's own range to 0 … 1";
    case "rgb":
      return "0 … 255 to 0 … 1";
    case "none":
      return "as they are";
  }
}

function describeMemory(estimate: MemoryEstimate, device: string): string {
  const { phase, parts, total } = estimate;
  const rows = parts.map(
    ({ name, bytes, mapped }) => [`  ${name}`, `${formatBytes(bytes)}${mapped ? " (mapped from files)" : ""}`] as const,
  );
  return listing([[phase, `${formatBytes(total)}${whereOf(estimate, device)}`], ...rows]);
}

function describeDisk({ parts, total }: DiskEstimate): string {
  const rows = parts.map(({ name, bytes }) => [`  ${name}`, formatBytes(bytes)] as const);
  return listing([["disk", `${formatBytes(total)} in the output folder`], ...rows]);
}
