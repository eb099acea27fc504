import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { casesOfSplit } from "../options/split.js";
import { declare } from "./command.js";
import { runStudy, type StudyOptions, withStudyOptions } from "./study.js";

interface Options extends StudyOptions {
  readonly data: string;
}

/** `rfmedsam ablate CONFIG.yaml --data DATASET -o OUT` */
export function ablate(context: ContextOf): Command {
  const command = declare({
    name: "ablate",
    summary: "train variants of a configuration and compare them",
    description:
      "CONFIG names a base (preset and changes) and variants (changes over the base, the stage that answers, or another seed). Every variant " +
      "is trained into OUT/VARIANT, with the U-Nets of an earlier one where they are the same, and its refiner where the choices alone are " +
      "others, and measured on the fold's validation cases, or on the held-out ones; the table so far is written before the next one is " +
      "trained. Stopped with Ctrl-C, the same command goes on; finished variants are not trained again. A model whose networks others take " +
      "over keeps its work (OUT/VARIANT/training), which may be deleted when all is done.",
    examples: [
      ["rfmedsam ablate recipes/ablation/phantom.yaml --data Dataset900_Phantom -o ablation", "on phantoms"],
      [
        "rfmedsam ablate mine.yaml --data DATASET -o ablation --split splits_final.json --fold 0",
        "variants of your own, on a fold",
      ],
    ],
  })
    .argument("<config>", "YAML: title, preset, changes, variants")
    .requiredOption("--data <folder>", "data set in nnU-Net's layout");
  return withStudyOptions(command).action(async (file: string, options: Options, self: Command) => {
    const running = context();
    const [train, measure] = [await casesOfSplit(options, "train"), await casesOfSplit(options, "val")];
    // The file's own seed, unless the user asked for another.
    const seed = self.parent?.getOptionValueSource("seed") === "default" ? undefined : running.options.seed;
    await runStudy(running, "ablate", ({ runAblation }, common) =>
      runAblation({
        ...common,
        file,
        dataset: options.data,
        output: options.output,
        fold: train && measure && { train, measure },
        seed,
      }),
    );
  });
}
