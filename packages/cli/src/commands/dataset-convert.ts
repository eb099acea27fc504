import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { declare } from "./command.js";

interface Options {
  readonly link?: boolean;
  readonly partial?: boolean;
}

/** `rfmedsam dataset convert KIND SOURCE OUTPUT` */
export function datasetConvert(context: ContextOf): Command {
  return declare({
    name: "convert",
    summary: "a published data set, as it is downloaded, into nnU-Net's layout",
    description:
      "Makes OUTPUT with dataset.json, imagesTr, labelsTr, imagesTs and, where one is published, splits_final.json. SOURCE is not changed. " +
      "Files that are missing or do not fit are named before anything is written.\n\n" +
      "KIND is msd (a task of the Medical Segmentation Decathlon), btcv (Beyond the Cranial Vault, the abdomen), amos22-ct or amos22-mr.",
    examples: [
      ["rfmedsam dataset convert btcv Abdomen/RawData Dataset017_BTCV", "the 30 labelled CTs, with the 18/12 split"],
      ["rfmedsam dataset convert amos22-mr amos22 Dataset219_AMOSMR", "the MRIs, AMOS' validation cases as fold 0's"],
      ["rfmedsam dataset convert msd Task05_Prostate Dataset005_Prostate", "4D images become a file a channel"],
    ],
  })
    .argument("<kind>", "msd, btcv, amos22-ct or amos22-mr")
    .argument("<source>", "the unpacked download")
    .argument("<output>", "folder to make; must not exist")
    .option("--link", "hard links instead of copies, where the disk allows")
    .option("--partial", "convert the cases that are complete, leave out the others")
    .action(async (kind: string, source: string, output: string, options: Options) => {
      const { ui, signal } = context();
      const { convertDataset } = await import("@rfmedsam/training");
      const converted = await convertDataset(kind, source, output, { ...options, progress: ui.progress, signal });
      const { name, training, test, split, licence, notes } = converted;
      for (const note of notes) ui.note(note);
      const folds = split?.folds.map(
        ({ train, val }, fold) => `fold ${fold}: ${train.length} to train on, ${val.length} to validate`,
      );
      const lines = [
        `${output}: ${name}, ${training.length} ${training.length === 1 ? "case" : "cases"} in imagesTr${test.length > 0 ? `, ${test.length} in imagesTs` : ""}.`,
        split === undefined ? "No split is published." : `splits_final.json, ${split.source}: ${folds!.join("; ")}.`,
        `Licence: ${licence}.`,
        `Next: rfmedsam dataset check ${output}`,
      ];
      ui.result(lines.join("\n"), { command: "dataset convert", output, kind, ...converted });
    });
}
