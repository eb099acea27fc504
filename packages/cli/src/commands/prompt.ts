import type { BoxPrompt, PointPrompt } from "@rfmedsam/engine";
import { type Command, Option } from "commander";
import type { ContextOf } from "../context.js";
import { wholeNumber } from "../options/parsers.js";
import { collectBox, collectMask, collectPoint, intensityWindow, type MaskFile } from "../options/prompts.js";
import { openWeights, type WeightsOptions, withWeightsOptions } from "../options/weights.js";
import { declare } from "./command.js";

/** What the command line says, for both kinds of input. */
export interface PromptOptions extends WeightsOptions {
  readonly point?: readonly PointPrompt[];
  readonly box?: readonly BoxPrompt[];
  readonly mask?: readonly MaskFile[];
  readonly axis?: "axial" | "coronal" | "sagittal";
  readonly window?: { readonly low: number; readonly high: number };
  readonly slice?: number;
  readonly mm?: boolean;
  readonly propagate: boolean;
  readonly series?: string;
  readonly overwrite?: boolean;
  readonly output: string;
}

/** `rfmedsam prompt IMAGE` */
export function prompt(context: ContextOf): Command {
  const command = declare({
    name: "prompt",
    summary: "segment what you point at, in a picture or a volume",
    description:
      "Answers clicks, boxes and masks. A PNG or JPEG picture: OUT/mask-1.png (0 and 255), OUT/overlay.png and OUT/objects.json with scores, " +
      "boxes and areas. A volume (NIfTI, NRRD, MetaImage, TIFF, DICOM): OUT/labels.nii.gz on its own grid; with SAM 2 weights the objects " +
      "are followed through all slices, " +
      "forwards and backwards, with SAM and SAM-Med2D only the prompted slices are segmented.\n\n" +
      "Coordinates are pixels (x, y) of a picture and voxel indices (x = i, y = j, z = k) of a volume as it is stored, from 0; of a DICOM series " +
      "column, row and slice, as `rfmedsam convert` writes it. A box and a mask " +
      "lie on one slice: the two indices in the slice, the lower axis first, then the slice's own. A prompt is for object 1 unless it ends in " +
      "@ and another number, which becomes the label.",
    examples: [
      ["rfmedsam prompt polyp.png --point 120,84 --weights sam2.1_hiera_tiny.pt -o out", "one click"],
      [
        "rfmedsam prompt polyp.jpg --box 60,40,180,150 --point 90,60:0 --weights sam-med2d_b.pth -o out",
        "a box, and a click on what does not belong to it",
      ],
      [
        "rfmedsam prompt ct.nii.gz --point 210,180,42 --box 90,100,150,170,40@2 --window -160,240 --weights sam2.1_hiera_tiny.pt -o out",
        "two objects of a CT, each prompted on a slice of its own",
      ],
      [
        "rfmedsam prompt ct.nii.gz --mask spleen.png:42 --weights sam2.1_hiera_tiny.pt -o out",
        "follow a mask drawn on slice 42",
      ],
    ],
  })
    .argument("<input>", "a PNG or JPEG picture, a volume of any format that is read, or a DICOM folder")
    .requiredOption("-o, --output <folder>", "where the answers go")
    .option("--point <x,y[,z][:0][@object]>", "a click on the object, with :0 off it; repeat for more", collectPoint)
    .option(
      "--box <x0,y0,x1,y1[,slice][@object]>",
      "first and last column and row; repeat for more objects",
      collectBox,
    )
    .option("--mask <file[:slice][@object]>", "a PNG of the picture's or slice's size: 0 is background", collectMask)
    .addOption(
      new Option("--axis <name>", "of a volume: how its slices lie (default: axial)").choices([
        "axial",
        "coronal",
        "sagittal",
      ]),
    )
    .option("--window <low,high>", "of a volume: intensities shown black and white", intensityWindow)
    .option("--slice <index>", "of a volume: the slice of boxes and masks that name none", wholeNumber(0))
    .option("--mm", "of a volume: points are RAS millimetres, as viewers show them", false)
    .option("--no-propagate", "of a volume: only the prompted slices")
    .option("--series <number>", "which series of a DICOM folder with several: its place, from 1, or its UID")
    .option("--overwrite", "replace what is in the output folder");
  return withWeightsOptions(command).action(async (input: string, options: PromptOptions) => {
    const running = context();
    const { kindOfInput } = await import("./prompt/input.js");
    const kind = await kindOfInput(input, options);
    using model = await openWeights(running, options);
    const { promptFile } =
      kind === "picture" ? await import("./prompt/picture.js") : await import("./prompt/volume.js");
    const { text, data } = await promptFile(model, input, options, running);
    running.ui.result(text, { command: "prompt", input, ...data });
  });
}
