/** A picture: a mask per object, the picture with all of them, and what was found in numbers. */
import { join } from "node:path";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { type OpenPromptable, promptPicture } from "@rfmedsam/engine";
import { readPicture, writePng } from "@rfmedsam/imaging/node";
import { encodeRle, everythingOverlay } from "@rfmedsam/segmenter";
import { refuseExisting } from "../../options/new-files.js";
import { modelTitle } from "../../options/weights.js";
import type { Description } from "../info/description.js";
import type { PromptOptions } from "../prompt.js";
import { readMasks } from "./input.js";

export async function promptFile(model: OpenPromptable, input: string, options: PromptOptions): Promise<Description> {
  const { output, overwrite, point: points = [], box: boxes = [] } = options;
  const picture = await readPicture(input);
  const masks = await readMasks(options.mask);
  const objects = new Set([...points, ...boxes, ...masks].map(({ object }) => object));
  const maskFile = (object: number) => join(output, `mask-${object}.png`);
  const [overlay, facts] = [join(output, "overlay.png"), join(output, "objects.json")];
  await refuseExisting([...[...objects].map(maskFile), overlay, facts], overwrite);
  const found = await promptPicture(model.pictures, picture, { points, boxes, masks });
  const { height, width } = picture;
  for (const { object, mask } of found) {
    await writePng(maskFile(object), { height, width, data: mask.map((inside) => inside * 255) });
  }
  const drawn = found.map(({ mask, area }) => ({ segmentation: encodeRle(mask, [height, width]), area }));
  await writePng(overlay, everythingOverlay(picture, drawn));
  const numbers = found.map(({ object, score, area, box = null }) => ({
    object,
    score,
    area,
    box,
    mask: maskFile(object),
  }));
  const data = { model: model.name ?? null, imageSize: model.imageSize, height, width, objects: numbers, overlay };
  await writeJsonAtomic(facts, data);
  const lines = numbers.map(({ object, score, area, box, mask }) => {
    const where = box === null ? "nothing was found" : `${area} pixels in [${box.join(", ")}]`;
    return `object ${object}: ${where}, score ${score.toFixed(3)} (${mask})`;
  });
  return { text: `${input}, ${width}×${height}, ${modelTitle(model)}\n${lines.join("\n")}\n${overlay}\n`, data };
}
