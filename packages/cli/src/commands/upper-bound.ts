import { type Command, Option } from "commander";
import type { ContextOf } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit } from "../options/split.js";
import { declare } from "./command.js";
import { nameList, runStudy, type StudyOptions, withCaseCount, withStudyOptions } from "./study.js";

interface Options extends StudyOptions {
  readonly model?: string;
  readonly weights?: string;
  readonly imageSize?: number;
  readonly prompts?: readonly string[];
  readonly strategies?: readonly string[];
  readonly directions?: readonly string[];
  readonly cases?: number;
}

/** `rfmedsam upper-bound DATASET -m MODEL -o OUT` */
export function upperBound(context: ContextOf): Command {
  const command = declare({
    name: "upper-bound",
    summary: "how well SAM 2 does when the truth prompts it",
    description:
      "Makes prompts from the true labels, follows every label through the volume and compares with the truth; every kind of prompt × " +
      "slices that are prompted × direction is a row; with a model also the truth in the place of its step 0. SAM 2 is a model's refiner, or a file of official weights. Stopped with Ctrl-C, " +
      "the same command goes on.",
    examples: [
      ["rfmedsam upper-bound Dataset900_Phantom -m model -o upper-bound", "a model's refiner, all 66 rows"],
      [
        "rfmedsam upper-bound DATASET --weights sam2.1_hiera_tiny.pt -o upper-bound --prompts box --strategies middle,even5",
        "official weights, two rows for each direction",
      ],
    ],
  })
    .argument("<dataset>", "data set in nnU-Net's layout")
    .option("-m, --model <folder>", "model folder with a refiner")
    .addOption(new Option("--weights <file>", "weights of SAM 2 or 2.1 instead of a model").conflicts("model"))
    .option(
      "--image-size <pixels>",
      "with --weights: side of the network's input (default: the weights' own)",
      wholeNumber(1),
    )
    .option("--prompts <list>", "of mask, box, click, clicks3, and with a model step0 (default: all)", nameList)
    .option("--strategies <list>", "of every, first, middle, largest, evenK, best (default: all, K = 3)", nameList)
    .option("--directions <list>", "of both, forward, backward (default: all)", nameList);
  return withCaseCount(withStudyOptions(command)).action(async (dataset: string, options: Options) => {
    const running = context();
    const only = await casesOfSplit(options, "val");
    const { split: _, fold: __, ...others } = options;
    await runStudy(running, "upper-bound", ({ runUpperBound }, common) =>
      runUpperBound({ ...common, ...others, dataset, only }),
    );
  });
}
