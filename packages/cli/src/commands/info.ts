import { stat } from "node:fs/promises";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { declare } from "./command.js";

/** What can be looked at, by what is there. */
const kinds = {
  model: async (path: string) => (await import("./info/model.js")).describeModel(path),
  dataset: async (path: string) => (await import("./info/dataset.js")).describeDataset(path),
  weights: async (path: string) => (await import("./info/weights.js")).describeWeights(path),
  volume: async (path: string) => (await import("./info/volume.js")).describeVolume(path),
} as const;

/** `rfmedsam info FILE` */
export function info(context: ContextOf): Command {
  return declare({
    name: "info",
    summary: "what is in a volume, a model folder, a data set or a weights file",
    description:
      "A volume: geometry, orientation, intensities, labels. A model folder: labels, sizes, where it comes from, validation. " +
      "A data set folder: channels, labels, cases. A .safetensors file: its tensors. Per-axis numbers are in the order z, y, x.",
    examples: [
      ["rfmedsam info ct.nii.gz", "shape, spacing, orientation, intensities"],
      ["rfmedsam info model", "labels, networks, validation table"],
    ],
  })
    .argument("<file>", "a NIfTI file, a model folder, a data set folder or a .safetensors file")
    .action(async (path: string) => {
      const { text, data } = await kinds[await kindOf(path)](path);
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
  return (await stat(`${path}/dataset.json`).catch(() => undefined)) === undefined ? "model" : "dataset";
}
