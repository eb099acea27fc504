import type { Command } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { type ConfigurationOptions, configurationOf, withConfiguration } from "../options/configuration.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit, type SplitOptions } from "../options/split.js";
import { declare } from "./command.js";
import { validationTable } from "./validation-table.js";

interface Options extends SplitOptions, ConfigurationOptions {
  readonly output: string;
  readonly restart?: boolean;
}

/** `rfmedsam train DATASET -o MODEL` */
export function train(context: ContextOf): Command {
  const command = declare({
    name: "train",
    summary: "train a model on a data set in nnU-Net's layout",
    description:
      "Trains step 0 (U-Nets), then the refiner (stages 1 and 2), and writes a model folder. " +
      "Ctrl-C stops after the current step; the same command goes on from there.\n\n" +
      "DATASET holds dataset.json, imagesTr/CASE_0000.nii.gz (one file per channel) and labelsTr/CASE.nii.gz.",
    examples: [
      ["rfmedsam train Dataset900_Phantom -o model", "with the preset for a computer without a GPU"],
      ["rfmedsam train Dataset004_Hippocampus -o model --set step0.iterations=400", "with one value changed"],
      ["rfmedsam train DATASET -o model --split splits_final.json --fold 0", "on the training cases of a fold"],
    ],
  })
    .argument("<dataset>", "folder in nnU-Net's layout")
    .requiredOption("-o, --output <folder>", "model folder to make");
  return withConfiguration(command)
    .option("--split <file>", "nnU-Net's splits_final.json: train on the training cases of a fold")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0))
    .option(
      "--restart",
      "throw away the model or the stopped training in the output folder (weights, record, prepared cases); other files stay",
    )
    .action(async (dataset: string, options: Options) => {
      const running = context();
      const { ui, signal, options: global } = running;
      const { output, restart } = options;
      const only = await casesOfSplit(options, "train");
      await startEngine(running);
      const training = await import("@rfmedsam/training");
      const configuration = await configurationOf(options);
      const { device, seed } = global;
      const { manifest, validation } = await training
        .train({
          dataset,
          output,
          configuration,
          seed,
          device,
          only,
          restart,
          progress: ui.progress,
          note: ui.note,
          signal,
        })
        .catch(training.sayHowToGoOn);
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      const table = validationTable(manifest, validation);
      ui.result(
        `${table === undefined ? "" : `${renderText(table)}\n`}${output}: the model is ready.\n` +
          `Next: rfmedsam segment IMAGE.nii.gz -m ${output} -o LABELS`,
        {
          command: "train",
          output,
          outputStages: manifest.outputStages,
          validation: table === undefined ? [] : tableToJson(table),
        },
      );
    });
}
