import { type Command, Option } from "commander";
import type { ContextOf } from "../context.js";
import { millimetres, wholeNumber } from "../options/parsers.js";
import { declare } from "./command.js";

interface Options {
  readonly cases: number;
  readonly test: number;
  readonly modality: "ct" | "mr";
  readonly inPlaneSpacing?: number;
  readonly sliceSpacing?: number;
}

/** `rfmedsam phantom OUT` */
export function phantom(context: ContextOf): Command {
  return declare({
    name: "phantom",
    summary: "make a data set of procedural abdominal scans with true labels",
    description:
      "Makes phantoms of the abdomen in nnU-Net's layout (imagesTr, labelsTr; held-out cases in imagesTs, labelsTs). " +
      "No patient data: something to try everything with. The same --seed gives the same files.",
    examples: [
      ["rfmedsam phantom Dataset900_Phantom --cases 20 --test 5", "CT-like, 20 cases to train on and 5 held out"],
      ["rfmedsam phantom Dataset901_PhantomMR --modality mr --seed 7", "the MR-like variant, other patients"],
    ],
  })
    .argument("<output>", "folder to make; must not exist")
    .option("--cases <count>", "cases to train on", wholeNumber(0), 10)
    .option("--test <count>", "held-out cases", wholeNumber(0), 4)
    .addOption(new Option("--modality <kind>", "what the scans look like").choices(["ct", "mr"]).default("ct"))
    .option("--in-plane-spacing <mm>", "size of a slice's voxels (default: varied, 3.5 to 4.5)", millimetres)
    .option("--slice-spacing <mm>", "distance of slices (default: varied, 4 to 6)", millimetres)
    .action(async (output: string, options: Options) => {
      const { ui, signal, options: global } = context();
      const { writePhantomDataset } = await import("@rfmedsam/training");
      await writePhantomDataset(output, { ...options, seed: global.seed }, ui.progress, signal);
      ui.result(
        `${output}: ${options.cases} phantoms to train on, ${options.test} held out.\n` +
          `Next: rfmedsam train ${output} -o MODEL`,
        { command: "phantom", output, cases: options.cases, test: options.test, seed: global.seed },
      );
    });
}
