import { type Command, Option } from "commander";
import type { ContextOf } from "../context.js";
import { part, wholeNumber } from "../options/parsers.js";
import { modelTitle, openWeights, type WeightsOptions, withWeightsOptions } from "../options/weights.js";
import { declare } from "./command.js";

export interface EverythingCommandOptions extends WeightsOptions {
  readonly output: string;
  readonly format: "labels" | "rle" | "coco";
  readonly pointsPerSide?: number;
  readonly pointsPerBatch?: number;
  readonly predIouThresh?: number;
  readonly stabilityScoreThresh?: number;
  readonly boxNmsThresh?: number;
  readonly cropNLayers?: number;
  readonly minMaskRegionArea?: number;
  readonly useM2m?: boolean;
  readonly overwrite?: boolean;
}

/** `rfmedsam everything IMAGE` */
export function everything(context: ContextOf): Command {
  const command = declare({
    name: "everything",
    summary: "segment every object of a picture, without prompts",
    description:
      "Asks the network about a grid of points and keeps every good mask once, as the models' own automatic mask generators do. Writes " +
      "OUT/masks.json (area, box, scores and, with rle or coco, the mask's run lengths), OUT/overlay.png and, with labels, OUT/labels.png: " +
      "16-bit numbers in the order of the list, small masks above large ones.",
    examples: [
      ["rfmedsam everything cells.png --weights sam2.1_hiera_tiny.pt -o out", "a grid of 32 × 32 points"],
      [
        "rfmedsam everything slide.jpg --weights sam_vit_b_01ec64.pth -o out --points-per-side 16 --crop-n-layers 1 --format coco",
        "a coarser grid, once more on four crops; masks as COCO has them",
      ],
    ],
  })
    .argument("<picture>", "a PNG or JPEG picture")
    .requiredOption("-o, --output <folder>", "where the masks go")
    .addOption(
      new Option("--format <form>", "masks as a label picture, or as run lengths in masks.json")
        .choices(["labels", "rle", "coco"])
        .default("labels"),
    )
    .option("--points-per-side <count>", "points along one side of the grid (default: 32)", wholeNumber(1))
    .option("--points-per-batch <count>", "points answered at a time (default: 64)", wholeNumber(1))
    .option("--pred-iou-thresh <part>", "least predicted IoU (default: 0.8 of SAM 2, else 0.88)", part)
    .option("--stability-score-thresh <part>", "least stability (default: 0.95)", part)
    .option("--box-nms-thresh <part>", "IoU of boxes from which two masks are one (default: 0.7)", part)
    .option("--crop-n-layers <count>", "layers of crops beside the whole picture (default: 0)", wholeNumber(0))
    .option("--min-mask-region-area <pixels>", "smaller holes and islands go (default: 0)", wholeNumber(0))
    .option("--use-m2m", "show every mask to the network again")
    .option("--overwrite", "replace what is in the output folder");
  return withWeightsOptions(command).action(async (input: string, options: EverythingCommandOptions) => {
    const running = context();
    const { readPicture } = await import("@rfmedsam/imaging/node");
    const picture = await readPicture(input);
    using model = await openWeights(running, options);
    const { everythingFile } = await import("./everything/files.js");
    const { text, data } = await everythingFile(model, picture, options, running);
    running.ui.result(`${input}, ${modelTitle(model)}: ${text}`, { command: "everything", input, ...data });
  });
}
