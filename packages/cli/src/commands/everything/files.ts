/** Everything in a picture, into files. */
import { join } from "node:path";
import { ResourceError } from "@rfmedsam/base";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import type { OpenPromptable } from "@rfmedsam/engine";
import type { GreyPicture, RgbPicture } from "@rfmedsam/imaging";
import { writePng } from "@rfmedsam/imaging/node";
import { decodeRle, everythingOverlay, everythingRecord, type FoundMask, segmentEverything } from "@rfmedsam/segmenter";
import type { Context } from "../../context.js";
import { refuseExisting } from "../../options/new-files.js";
import type { EverythingCommandOptions } from "../everything.js";
import type { Description } from "../info/description.js";

const modes = { rle: "uncompressed_rle", coco: "coco_rle" } as const;

export async function everythingFile(
  model: OpenPromptable,
  picture: RgbPicture,
  options: EverythingCommandOptions,
  { ui, signal }: Context,
): Promise<Description> {
  const { output, format, overwrite, weights: _, model: __, imageSize: ___, ...settings } = options;
  const [list, overlay, labels] = ["masks.json", "overlay.png", "labels.png"].map((name) => join(output, name)) as [
    string,
    string,
    string,
  ];
  const files = format === "labels" ? [list, overlay, labels] : [list, overlay];
  await refuseExisting(files, overwrite);
  const found = await segmentEverything(model.pictures, picture, { ...settings, progress: ui.progress, signal });
  const records = found.map((mask, index) => {
    const { segmentation, ...facts } = everythingRecord(mask, format === "labels" ? "uncompressed_rle" : modes[format]);
    return format === "labels" ? { label: index + 1, ...facts } : { segmentation, ...facts };
  });
  if (format === "labels") await writePng(labels, labelPicture(picture, found));
  await writePng(overlay, everythingOverlay(picture, found));
  await writeJsonAtomic(list, records);
  return {
    text: `${found.length} mask${found.length === 1 ? "" : "s"}\n${files.join("\n")}\n`,
    data: { model: model.name ?? null, masks: found.length, files },
  };
}

/** Numbers from 1 in the order of the list; where masks overlap, the smallest is seen. */
function labelPicture({ height, width }: RgbPicture, found: readonly FoundMask[]): GreyPicture {
  const data = new Uint16Array(height * width);
  if (found.length > 0xffff) {
    throw new ResourceError({
      found: `${found.length} masks`,
      expected: "at most 65535 in a picture",
      hint: "use --format rle",
    });
  }
  const largestFirst = [...found.keys()].sort((a, b) => found[b]!.area - found[a]!.area);
  for (const index of largestFirst) {
    const mask = decodeRle(found[index]!.segmentation);
    for (let at = 0; at < mask.length; at++) if (mask[at] !== 0) data[at] = index + 1;
  }
  return { height, width, data };
}
