/**
 * The automatic mask generator ("segment everything"): asks a network about a grid of points and keeps every good mask once.
 *
 *   picture ─► crops ─► good masks of each (crop-search.ts) ─► without duplicates in the crop ─┐
 *   masks ◄─ small regions removed (SAM) ◄─ without duplicates between crops ◄─────────────────┘
 *
 * One enlarged mask is held at a time: memory grows with the masks that are found, not with the points that are asked.
 *
 * Source: SAM 2 `SAM2AutomaticMaskGenerator`, segment-anything `SamAutomaticMaskGenerator`; comparisons in float32 as there.
 */
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import { checkPicture, type RgbPicture } from "@rfmedsam/imaging";
import type { PromptableNetwork } from "../promptable.js";
import { type Candidate, CropSearch } from "./crop-search.js";
import { type CropBox, cropBoxes } from "./grid.js";
import { type MaskBox, suppressBoxes } from "./nms.js";
import { type EverythingSettings, resolveEverything } from "./options.js";
import { areaOfRle, type MaskRle } from "./rle.js";
import { cleanMasks } from "./small-regions.js";

const { fround } = Math;

/** A box as COCO writes it. */
export type BoxXywh = readonly [x: number, y: number, width: number, height: number];

/** One mask of the picture. All coordinates are pixels of the picture, whatever crop the mask was found in. */
export interface FoundMask {
  /** `[H, W]` of the picture; `decodeRle` gives the pixels. */
  readonly segmentation: MaskRle;
  /** Pixels inside. */
  readonly area: number;
  /** From the first to the last pixel as the references give it: a mask of one pixel has width and height 0. */
  readonly bbox: BoxXywh;
  /** The network's own opinion of the mask. */
  readonly predictedIou: number;
  /** The point that was asked. */
  readonly point: readonly [x: number, y: number];
  /** NaN for a mask that is empty at every threshold; such a mask is found only with `stabilityScoreThresh` 0. */
  readonly stabilityScore: number;
  /** The crop that was looked at. */
  readonly cropBox: BoxXywh;
}

export interface EverythingOptions extends EverythingSettings {
  /** Counts points. */
  readonly progress?: Progress | undefined;
  /** Looked at between batches. */
  readonly signal?: CancelSignal | undefined;
}

/**
 * Every object of a picture.
 *
 * @param options defaults are those of the model's own generator (options.ts)
 * @returns the best predicted first; with crops those of the smallest crops; after cleaning (SAM) unchanged masks come first
 * @throws ConfigError for wrong settings, GeometryError for a picture that is none, EngineError for answers that do not fit the
 *   questions, InterruptedError when the signal is raised
 */
export async function segmentEverything(
  network: PromptableNetwork,
  picture: RgbPicture,
  { progress = silent, signal, ...settings }: EverythingOptions = {},
): Promise<FoundMask[]> {
  checkPicture(picture);
  const options = resolveEverything(network.pictureRule, settings);
  const crops = cropBoxes(picture.height, picture.width, options.cropNLayers, options.cropOverlapRatio);
  const total = crops.reduce((sum, { layer }) => sum + options.grids[layer]!.length / 2, 0);
  let done = 0;
  let found: Candidate[] = [];
  for (const crop of crops) {
    const inCrop: Candidate[] = [];
    const search = new CropSearch(network, picture, crop, options);
    for await (const { asked, candidates } of search.run(options.grids[crop.layer]!, signal)) {
      inCrop.push(...candidates);
      done += asked;
      progress({ stage: "segmenting everything", done, total, values: { masks: found.length + inCrop.length } });
    }
    const ious = inCrop.map(({ predictedIou }) => predictedIou);
    found = found.concat(withoutDuplicates(inCrop, ious, options.boxNmsThresh));
  }
  if (crops.length > 1) {
    // A smaller crop shows more detail.
    const detail = found.map(({ crop: [x0, y0, x1, y1] }) => fround(1 / fround((x1 - x0) * (y1 - y0))));
    found = withoutDuplicates(found, detail, options.cropNmsThresh);
  }
  if (options.minMaskRegionArea > 0 && options.family.smallRegions === "masks") {
    found = cleanMasks(found, options.minMaskRegionArea, Math.max(options.boxNmsThresh, options.cropNmsThresh));
  }
  return found.map(asFound);
}

function withoutDuplicates(masks: readonly Candidate[], scores: readonly number[], threshold: number): Candidate[] {
  const boxes = masks.map(({ box }) => box);
  return suppressBoxes(boxes, scores, threshold).map((index) => masks[index]!);
}

function asFound({ segmentation, box, predictedIou, point, stabilityScore, crop }: Candidate): FoundMask {
  const area = areaOfRle(segmentation);
  return { segmentation, area, bbox: xywh(box), predictedIou, point, stabilityScore, cropBox: xywh(crop) };
}

const xywh = ([x0, y0, x1, y1]: MaskBox | CropBox): BoxXywh => [x0, y0, x1 - x0, y1 - y0];
