import { ConfigError } from "@rfmedsam/base";
import type { ScalarName } from "@rfmedsam/imaging";
import { type Command, InvalidArgumentError, Option } from "commander";
import type { ContextOf } from "../context.js";
import { valueRange, wholeNumber } from "../options/parsers.js";
import { ownVersion } from "../version.js";
import { declare } from "./command.js";

interface Options {
  readonly like?: string;
  readonly dtype?: ScalarName;
  readonly orientation?: string;
  readonly series?: string;
  readonly labels?: boolean | string;
  readonly slice?: number;
  readonly window?: { readonly low: number; readonly high: number };
  readonly overwrite?: boolean;
}

const types: readonly ScalarName[] = [
  "uint8",
  "int8",
  "uint16",
  "int16",
  "uint32",
  "int32",
  "float32",
  "float64",
  "int64",
  "uint64",
];

/** `rfmedsam convert IN OUT` */
export function convert(context: ContextOf): Command {
  return declare({
    name: "convert",
    summary: "read any image and write it as another format",
    description:
      "Reads NIfTI, NRRD, MetaImage, DICOM (a file, or a folder with a series), PNG, JPEG and TIFF, by what is in them. Writes the format " +
      "of OUT's ending: .nii, .nii.gz, .nrrd, .mha, .mhd, one slice as .png, or labels as a DICOM segmentation, .dcm. Every voxel keeps its place and its value, unless asked otherwise.",
    examples: [
      ["rfmedsam convert dicom-folder ct.nii.gz", "a DICOM series"],
      ["rfmedsam convert labels.nrrd labels.nii.gz --labels --like ct.nii.gz", "labels onto the grid of their image"],
      [
        "rfmedsam convert labels.nii.gz seg.dcm --like dicom-folder --labels dataset.json",
        "a DICOM segmentation of that series, its labels named",
      ],
      ["rfmedsam convert ct.nii.gz slice.png --slice 40 --window -160,240", "one slice as a picture"],
    ],
  })
    .argument("<in>", "a file, or a DICOM folder")
    .argument("<out>", "the file to write")
    .option("--like <image>", "resample onto this image's grid: linear, labels by the nearest voxel")
    .addOption(new Option("--dtype <type>", "element type; a value that does not fit is an error").choices([...types]))
    .option(
      "--orientation <letters>",
      "axes of the result, such as RAS or LPS; nothing is interpolated",
      orientationLetters,
    )
    .option("--series <number>", "which series of a DICOM folder with several: its place, from 1, or its UID")
    .option(
      "--labels [names]",
      "the voxels are labels: whole numbers up to 255, never mixed, written as uint8; for .dcm: the dataset.json that names them",
    )
    .option("--slice <number>", "for .png: which axial slice, from 0 at the feet", wholeNumber(0))
    .option("--window <low,high>", "for .png: which values are black and white", valueRange)
    .option("--overwrite", "replace OUT if it exists")
    .action(async (input: string, output: string, options: Options) => {
      const { ui } = context();
      const onWarning = (warning: string) => ui.note(warning);
      const { describeGrid } = await import("@rfmedsam/imaging");
      const said = { command: "convert", input, output };
      if (/\.dcm$/i.test(output)) {
        const { grid, numbers } = await toDicomSeg(input, output, options, onWarning);
        const list = [...numbers].map(([label, number]) => `${number} ${label}`).join(", ");
        ui.result(`${output}: ${describeGrid(grid)}; segments ${list}`, { ...said, ...grid, segments: [...numbers] });
        return;
      }
      const { convertImage } = await import("@rfmedsam/imaging/node");
      const labels = options.labels !== undefined;
      const { from, grid } = await convertImage(input, output, { ...options, labels, onWarning });
      ui.result(`${output}: ${describeGrid(grid)}`, { ...said, from, ...grid });
    });
}

/** Labels as a DICOM segmentation. @throws ConfigError for options that segmentations do not have */
async function toDicomSeg(input: string, output: string, options: Options, onWarning: (warning: string) => void) {
  const { like, series, labels, overwrite, ...others } = options;
  const [unfit] = Object.keys(others);
  if (unfit !== undefined) {
    throw new ConfigError({
      file: output,
      found: `--${unfit} for a DICOM segmentation`,
      expected: "--like, --labels, --series and --overwrite only",
    });
  }
  const { labelsToDicomSeg } = await import("@rfmedsam/imaging/node");
  const { readLabelNames } = await import("@rfmedsam/metrics/node");
  const names = typeof labels === "string" ? await readLabelNames(labels) : undefined;
  return labelsToDicomSeg(input, output, { like, series, names, overwrite, onWarning, softwareVersion: ownVersion() });
}

function orientationLetters(text: string): string {
  const letters = text.toUpperCase();
  const once = ["RL", "AP", "SI"].every((pair) => [...letters].filter((letter) => pair.includes(letter)).length === 1);
  if (letters.length === 3 && once) return letters;
  throw new InvalidArgumentError("Expected three letters, one each of R/L, A/P and S/I, such as RAS.");
}
