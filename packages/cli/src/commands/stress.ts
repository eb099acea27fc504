import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { casesOfSplit } from "../options/split.js";
import { declare } from "./command.js";
import { nameList, runStudy, type StudyOptions, withCaseCount, withStudyOptions } from "./study.js";

interface Options extends StudyOptions {
  readonly model: string;
  readonly degradations?: readonly string[];
  readonly cases?: number;
}

/** `rfmedsam stress DATASET -m MODEL -o OUT` */
export function stress(context: ContextOf): Command {
  const command = declare({
    name: "stress",
    summary: "what refinement makes of a step 0 that went wrong",
    description:
      "Degrades step 0's labels, or the image before step 0, in stated ways, and compares Dice before and after refinement, with the " +
      "gate and without: dropped-slices, eroded, shifted, swapped-labels, false-blobs, noise, low-dose. Measured are the held-out cases " +
      "(imagesTs, labelsTs), or a fold's. Stopped with Ctrl-C, the same command goes on.",
    examples: [
      ["rfmedsam stress Dataset900_Phantom -m model -o stress", "all degradations on the held-out cases"],
      [
        "rfmedsam stress DATASET -m model -o stress --split splits_final.json --fold 0",
        "on the validation cases of a fold",
      ],
      ["rfmedsam stress DATASET -m model -o stress --degradations shifted,noise --cases 5", "less, and faster"],
    ],
  })
    .argument("<dataset>", "data set in nnU-Net's layout, with the model's labels")
    .requiredOption("-m, --model <folder>", "model folder with a refiner")
    .option("--degradations <list>", "which degradations (default: all)", nameList);
  return withCaseCount(withStudyOptions(command)).action(async (dataset: string, options: Options) => {
    const running = context();
    const only = await casesOfSplit(options, "val");
    const { model, output, degradations, cases } = options;
    const { seed } = running.options;
    await runStudy(running, "stress", ({ runStress }, common) =>
      runStress({ ...common, dataset, model, output, degradations, cases, only, seed }),
    );
  });
}
