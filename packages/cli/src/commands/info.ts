import { stat } from "node:fs/promises";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { valueRange } from "../options/parsers.js";
import { declare } from "./command.js";
import type { VolumeOptions } from "./info/volume.js";

/** What can be looked at, by what is there. */
const kinds = {
  model: async (path: string) => (await import("./info/model.js")).describeModel(path),
  dataset: async (path: string) => (await import("./info/dataset.js")).describeDataset(path),
  weights: async (path: string) => (await import("./info/weights.js")).describeWeights(path),
  volume: async (path: string, options: VolumeOptions) =>
    (await import("./info/volume.js")).describeVolume(path, options),
} as const;

/** `rfmedsam info FILE` */
export function info(context: ContextOf): Command {
  return declare({
    name: "info",
    summary: "what is in a volume, a model folder, a data set or a weights file",
    description:
      "A volume, in any format that is read, or a DICOM folder: geometry, orientation, intensities, labels, what is unusual. " +
      "A model folder: labels, sizes, where it comes from, validation. " +
      "A data set folder: channels, labels, cases. A .safetensors file: its tensors. Per-axis numbers are in the order z, y, x.",
    examples: [
      ["rfmedsam info ct.nii.gz", "shape, spacing, orientation, intensities"],
      [
        "rfmedsam info dicom-folder --preview strip.png",
        "the same of a DICOM series, and some of its slices as a picture",
      ],
      ["rfmedsam info model", "labels, networks, validation table"],
    ],
  })
    .argument("<file>", "an image file or DICOM folder, a model folder, a data set folder or a .safetensors file")
    .option("--preview <file.png>", "write some slices of the volume, side by side, as a picture")
    .option("--window <low,high>", "which values are black and white in the preview", valueRange)
    .option("--series <number>", "which series of a DICOM folder with several: its place, from 1, or its UID")
    .action(async (path: string, options: VolumeOptions) => {
      const kind = await kindOf(path);
      if (kind !== "volume" && Object.keys(options).length > 0) {
        throw new ConfigError({
          file: path,
          found: `--${Object.keys(options)[0]} for what is no volume`,
          expected: "an image file or a DICOM folder",
        });
      }
      const { text, data } = await kinds[kind](path, options);
      context().ui.result(text, { command: "info", path, ...data });
    });
}

async function kindOf(path: string): Promise<keyof typeof kinds> {
  let isFolder: boolean;
  try {
    isFolder = (await stat(path)).isDirectory();
  } catch (cause) {
    throw fileErrorOf(cause, path, "check the path");
  }
  if (!isFolder) return path.endsWith(".safetensors") ? "weights" : "volume";
  const has = async (name: string) => (await stat(`${path}/${name}`).catch(() => undefined)) !== undefined;
  if (await has("dataset.json")) return "dataset";
  if (await has("model.json")) return "model";
  const { holdsDicom } = await import("@rfmedsam/imaging/node");
  return (await holdsDicom(path)) ? "volume" : "model";
}
