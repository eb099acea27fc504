/** A volume: labels on its own grid, a picture of them, and what was found in numbers. */
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { type OpenPromptable, type PointPrompt, promptVolume } from "@rfmedsam/engine";
import { apply, invert, type Volume } from "@rfmedsam/imaging";
import { readScan, writePng, writeVolume } from "@rfmedsam/imaging/node";
import { drawOverlay } from "@rfmedsam/metrics";
import type { Context } from "../../context.js";
import { refuseExisting } from "../../options/new-files.js";
import { modelTitle } from "../../options/weights.js";
import type { Description } from "../info/description.js";
import type { PromptOptions } from "../prompt.js";
import { readMasks } from "./input.js";

export async function promptFile(
  model: OpenPromptable,
  input: string,
  options: PromptOptions,
  { ui, signal }: Context,
): Promise<Description> {
  const { output, overwrite, box: boxes = [], mm = false, axis = "axial", window, slice, propagate } = options;
  const files = { labels: "labels.nii.gz", overlay: "overlay.png", facts: "objects.json" } as const;
  const paths = Object.values(files).map((name) => join(output, name));
  await refuseExisting(paths, overwrite);
  const volume = await readScan(input, { series: options.series, onWarning: ui.note });
  const points = (options.point ?? []).map((point) => (mm ? inVoxels(point, volume) : point));
  const masks = await readMasks(options.mask);
  const settings = { axis, window, slice, propagate, progress: ui.progress, signal };
  const found = await promptVolume(model, volume, { points, boxes, masks }, settings);
  const { labels, objects, prompted } = found;
  await writeVolume(join(output, files.labels), labels, { dtype: "uint8" });
  await writePng(join(output, files.overlay), drawOverlay(volume, labels, { view: axis, window: found.window }));
  const data = {
    model: model.name ?? null,
    imageSize: model.imageSize,
    axis,
    window: found.window,
    prompted,
    propagated: propagate && model.tracker !== undefined,
    objects,
    labels: join(output, files.labels),
    overlay: join(output, files.overlay),
  };
  await writeJsonAtomic(join(output, files.facts), data);
  const lines = objects.map(({ object, voxels, ml, slices }) => {
    const where =
      slices === undefined
        ? "nothing was found"
        : `${voxels} voxels, ${ml.toFixed(1)} ml, slices ${slices.join(" to ")}`;
    return `object ${object}: ${where}`;
  });
  const alone =
    model.tracker === undefined && propagate
      ? `Only the prompted slices (${prompted.join(", ")}): ${model.name ?? model.family} does not follow objects, SAM 2 does.\n`
      : "";
  return {
    text: `${input}, ${modelTitle(model)}\n${lines.join("\n")}\n${alone}${data.labels}\n${data.overlay}\n`,
    data,
  };
}

/** From RAS millimetres to voxel indices. */
function inVoxels(point: PointPrompt, { affine }: Volume): PointPrompt {
  const [x, y, z] = point.at;
  if (x === undefined || y === undefined || z === undefined) {
    throw new ConfigError({ found: `a point at (${point.at.join(", ")}) mm`, expected: "three coordinates: x, y, z" });
  }
  return { ...point, at: apply(invert(affine), [x, y, z]) };
}
