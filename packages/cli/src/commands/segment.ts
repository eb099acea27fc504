import { assertWritableFolder } from "@rfmedsam/base/node";
import type { SegmentedCase } from "@rfmedsam/engine";
import { type Command, InvalidArgumentError, Option } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import { casesOfSplit, type SplitOptions } from "../options/split.js";
import { formatBytes } from "../ui/format.js";
import { declare } from "./command.js";

interface Options extends SplitOptions {
  readonly model: string;
  readonly output: string;
  readonly stages?: boolean;
  readonly through?: "step0" | "stage1" | "stage2";
  readonly probabilities?: boolean;
  readonly uncertainty?: boolean;
  readonly folds?: readonly number[];
  readonly batch?: number;
  readonly overwrite?: boolean;
  readonly skipExisting?: boolean;
  readonly series?: string;
  readonly dicomSeg?: boolean;
}

/** `rfmedsam segment INPUT… -m MODEL -o OUT` */
export function segment(context: ContextOf): Command {
  return declare({
    name: "segment",
    summary: "label the organs in one or more volumes",
    description:
      "Segments NIfTI, NRRD, MetaImage and DICOM (a folder is a case), or all of a folder, one after the other: its files and " +
      "the DICOM folders in it; what is left out is said. " +
      "The labels lie on each image's own grid. " +
      "Several channels of a case are put together by nnU-Net's names: CASE_0000.nii.gz, CASE_0001.nii.gz, …",
    examples: [
      ["rfmedsam segment ct.nii.gz -m model -o labels", "one volume: labels/ct.nii.gz"],
      [
        "rfmedsam segment Dataset900_Phantom/imagesTs -m model -o labels --stages",
        "a folder, with every stage's own labels",
      ],
      [
        "rfmedsam segment ct.nii.gz -m model -o labels --probabilities --uncertainty",
        "also a map for every organ, in percent, and one of where the model is unsure",
      ],
      ["rfmedsam segment scans -m model -o labels --skip-existing", "go on where it stopped"],
    ],
  })
    .argument("<inputs...>", "files, folders of them, DICOM folders")
    .requiredOption("-m, --model <folder>", "model folder, as `rfmedsam train` wrote it")
    .requiredOption("-o, --output <folder>", "where the labels go, a file per case")
    .option("--stages", "also write what each stage alone would say: OUT/step0, OUT/stage1, OUT/stage2")
    .addOption(new Option("--through <stage>", "last stage to run").choices(["step0", "stage1", "stage2"]))
    .option("--probabilities", "also write every organ's probability in percent: OUT/probabilities/CASE/ORGAN.nii.gz")
    .option("--uncertainty", "also write where the model is unsure, 0 to 1 (entropy): OUT/uncertainty/CASE.nii.gz")
    .option("--folds <list>", "which of the model's U-Nets answer together, from 0: 0,2 (default: all)", foldList)
    .option("--batch <n>", "patches predicted at once", wholeNumber(1))
    .option("--split <file>", "nnU-Net's splits_final.json: only the validation cases of a fold")
    .option("--fold <k>", "which fold of the split, from 0", wholeNumber(0))
    .option("--dicom-seg", "also write DICOM segmentations of DICOM series: OUT/CASE.seg.dcm")
    .option("--series <number>", "which series of a DICOM folder with several: its place, from 1, or its UID")
    .option("--overwrite", "replace labels that exist")
    .addOption(
      new Option("--skip-existing", "keep cases of which all that is asked for exists, and do the rest").conflicts(
        "overwrite",
      ),
    )
    .action(async (inputs: string[], options: Options) => {
      const running = context();
      const { ui, signal, options: global } = running;
      const { model: folder, output, stages, through, series, dicomSeg, overwrite, skipExisting } = options;
      const cases = await casesOfSplit(options, "val");
      await assertWritableFolder(output);
      await startEngine(running);
      const { findCases, openModel, segmentFiles } = await import("@rfmedsam/engine");
      using model = await openModel(folder, { device: global.device, folds: options.folds });
      if (cases !== undefined) {
        const { assertKnown } = await import("@rfmedsam/metrics/node");
        const there = await findCases(inputs, model.manifest.channelNames, output);
        const known = [...there.cases, ...there.failed].map((each) => each.case);
        assertKnown(cases, known, inputs.join(", "));
      }
      const existing = overwrite ? "overwrite" : skipExisting ? "skip" : "refuse";
      const common = { cases, series, onWarning: ui.note, progress: ui.progress, signal };
      const extras = { probabilities: options.probabilities, uncertainty: options.uncertainty, batch: options.batch };
      const settings = { stages, through, dicomSeg, existing, ...extras, ...common } as const;
      let done = 0;
      for await (const result of segmentFiles(model, inputs, output, settings)) {
        if ("failure" in result) {
          ui.failure(result.failure);
        } else {
          done += 1;
          ui.result(sentence(result), { command: "segment", ...result });
        }
      }
      if (done === 0) ui.note("Nothing to do: all that was asked for is there.");
    });
}

/** Numbers of folds: `0,2`. */
function foldList(text: string): readonly number[] {
  try {
    return text.split(",").map(wholeNumber(0));
  } catch (cause) {
    if (cause instanceof InvalidArgumentError)
      throw new InvalidArgumentError("Expected numbers of folds, such as 0,2.");
    throw cause;
  }
}

function sentence({ case: id, file, seconds, peakMemory, labels, switched }: SegmentedCase): string {
  const found = labels.map(({ name, ml }) => `${name} ${ml < 10 ? ml.toFixed(1) : ml.toFixed(0)} ml`).join(", ");
  return [
    `${id}: ${file} (${seconds.total?.toFixed(1)} s${peakMemory === undefined ? "" : `, ${formatBytes(peakMemory)} at most`})`,
    found === "" ? "nothing was found" : found,
    ...switched.map(({ because }) => because),
  ].join("\n  ");
}
