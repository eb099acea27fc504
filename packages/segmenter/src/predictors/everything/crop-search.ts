/**
 * The automatic mask generator's questions about one crop of a picture, and its filters.
 *
 *   crop ─► embed ─► points, a batch at a time ─► candidates ─► predicted IoU ─► stability ─► cut off by the crop? ─► run lengths, box
 *                                                   └─► once more, with the mask as prompt (m2m) ─┘
 *
 * Source: SAM 2 `SAM2AutomaticMaskGenerator._process_crop`, `_process_batch` and `refine_with_m2m`.
 */
import { type CancelSignal, EngineError } from "@rfmedsam/base";
import type { RgbPicture } from "@rfmedsam/imaging";
import { breathe } from "../../breathe.js";
import type { EmbeddingHandle, ObjectPrompts } from "../../networks.js";
import { cleanRegions } from "../hole-filling.js";
import { type PictureRule, type PictureSize, pictureRules } from "../picture.js";
import type { MaskCandidates, PromptableNetwork } from "../promptable.js";
import { maskBox, nearCropEdge, stabilityScore, thresholdInto } from "./filters.js";
import type { Crop, CropBox, PointGrid } from "./grid.js";
import type { MaskBox } from "./nms.js";
import type { ResolvedEverything } from "./options.js";
import { encodeRle } from "./rle.js";
import type { CleanableMask } from "./small-regions.js";

const { fround } = Math;

/** A mask that has passed the filters, in pixels of the picture. */
export interface Candidate extends CleanableMask {
  readonly predictedIou: number;
  readonly stabilityScore: number;
  readonly point: readonly [x: number, y: number];
  readonly crop: CropBox;
}

/** Asks about one crop. */
export class CropSearch {
  readonly #rule: PictureRule;
  readonly #size: PictureSize;
  /** The mask that is looked at. */
  readonly #mask: Uint8Array;

  constructor(
    private readonly network: PromptableNetwork,
    private readonly picture: RgbPicture,
    private readonly crop: Crop,
    private readonly options: ResolvedEverything,
  ) {
    const [x0, y0, x1, y1] = crop.box;
    this.#rule = pictureRules[network.pictureRule];
    this.#size = { height: y1 - y0, width: x1 - x0 };
    this.#mask = new Uint8Array(this.#size.height * this.#size.width);
  }

  /** Batch by batch the masks that pass the filters. The embedding lives as long as the search. */
  async *run(
    grid: PointGrid,
    signal: CancelSignal | undefined,
  ): AsyncGenerator<{ readonly asked: number; readonly candidates: readonly Candidate[] }> {
    await breathe(signal);
    const { network, options } = this;
    const input = this.#rule.prepare(cropPicture(this.picture, this.crop.box), network.imageSize);
    const handles = await network.embed(input, 1);
    try {
      const [embedding] = handles;
      if (embedding === undefined) throw new EngineError({ found: "no embedding", expected: "one for the picture" });
      const points = grid.length / 2;
      for (let first = 0; first < points; first += options.pointsPerBatch) {
        await breathe(signal);
        const asked = Math.min(options.pointsPerBatch, points - first);
        const batch = this.#pointsOf(grid.subarray(first * 2, (first + asked) * 2));
        const prompts = pointPrompts(batch.input, asked);
        const answers = await this.#ask(embedding, prompts, options.multimaskOutput);
        const candidates = options.useM2m
          ? await this.#again(embedding, batch, answers, signal)
          : this.#passing(answers, (row) => batch.points[row]!);
        yield { asked, candidates };
      }
    } finally {
      network.release(...handles);
    }
  }

  /** Points of the grid in pixels of the crop, and of the network's input. */
  #pointsOf(grid: PointGrid): PointBatch {
    const { round } = this.options.family;
    const { width, height } = this.#size;
    const points: [number, number][] = [];
    const input = new Float32Array(grid.length);
    for (let at = 0; at < grid.length; at += 2) {
      const point: [number, number] = [round(grid[at]! * width), round(grid[at + 1]! * height)];
      points.push(point);
      input.set(this.#rule.pointToInput(point, this.#size, this.network.imageSize), at);
    }
    return { points, input };
  }

  /** Every answer is shown to the network again, with its point; the single answer that comes back counts in its place. */
  async #again(
    embedding: EmbeddingHandle,
    { points, input }: PointBatch,
    answers: MaskCandidates,
    signal: CancelSignal | undefined,
  ): Promise<Candidate[]> {
    const { pointsPerBatch } = this.options;
    const { lowResLimit } = this.#rule;
    const pixels = this.network.maskSize ** 2;
    const rows = answers.count * answers.candidates;
    const candidates: Candidate[] = [];
    for (let first = 0; first < rows; first += pointsPerBatch) {
      if (first > 0) await breathe(signal);
      const count = Math.min(pointsPerBatch, rows - first);
      const pointOf = (row: number) => Math.floor((first + row) / answers.candidates);
      const coords = new Float32Array(count * 2);
      for (let row = 0; row < count; row++) coords.set(input.subarray(pointOf(row) * 2, pointOf(row) * 2 + 2), row * 2);
      const masks = answers.logits.slice(first * pixels, (first + count) * pixels);
      if (Number.isFinite(lowResLimit)) {
        for (let i = 0; i < masks.length; i++) masks[i] = Math.max(-lowResLimit, Math.min(lowResLimit, masks[i]!));
      }
      const refined = await this.#ask(embedding, { ...pointPrompts(coords, count), masks }, false);
      candidates.push(...this.#passing(refined, (row) => points[pointOf(row)]!));
    }
    return candidates;
  }

  async #ask(embedding: EmbeddingHandle, prompts: ObjectPrompts, multimask: boolean): Promise<MaskCandidates> {
    const answers = await this.network.candidates(embedding, prompts, { multimask });
    const { count, candidates, logits, ious } = answers;
    const rows = prompts.count * candidates;
    const fits = count === prompts.count && (multimask ? candidates >= 1 : candidates === 1);
    if (!fits || logits.length !== rows * this.network.maskSize ** 2 || ious.length !== rows) {
      throw new EngineError({
        found: `${candidates} masks for each of ${count} points, ${logits.length} logits and ${ious.length} predicted IoUs`,
        expected: `${multimask ? "masks" : "one mask"} of ${this.network.maskSize}² logits, with an IoU each, for ${prompts.count} points`,
      });
    }
    if (ious.some(Number.isNaN)) throw new EngineError({ found: "a predicted IoU of NaN", expected: "a number" });
    return answers;
  }

  /** The answers that pass all filters. */
  #passing(
    { count, candidates, logits, ious }: MaskCandidates,
    pointOf: (row: number) => readonly [number, number],
  ): Candidate[] {
    const pixels = this.network.maskSize ** 2;
    const { predIouThresh } = this.options;
    const passing: Candidate[] = [];
    for (let n = 0; n < count * candidates; n++) {
      if (predIouThresh > 0 && !(ious[n]! > fround(predIouThresh))) continue;
      const lowRes = logits.subarray(n * pixels, (n + 1) * pixels);
      const candidate = this.#examine(lowRes, ious[n]!, pointOf(Math.floor(n / candidates)));
      if (candidate !== undefined) passing.push(candidate);
    }
    return passing;
  }

  #examine(lowRes: Float32Array, predictedIou: number, point: readonly [number, number]): Candidate | undefined {
    const { stabilityScoreThresh, stabilityScoreOffset, maskThreshold, family } = this.options;
    const logits = this.#enlarge(lowRes);
    const stability = stabilityScore(logits, maskThreshold, stabilityScoreOffset);
    if (stabilityScoreThresh > 0 && !(stability >= fround(stabilityScoreThresh))) return undefined;

    const { height, width } = this.#size;
    const [x0, y0] = this.crop.box;
    thresholdInto(this.#mask, logits, maskThreshold);
    const inCrop = maskBox(this.#mask, height, width);
    const box: MaskBox = [inCrop[0] + x0, inCrop[1] + y0, inCrop[2] + x0, inCrop[3] + y0];
    const { picture } = this;
    if (nearCropEdge(box, this.crop.box, [0, 0, picture.width, picture.height])) return undefined;

    const place = { size: [picture.height, picture.width], offset: [x0, y0] } as const;
    return {
      segmentation: encodeRle(this.#mask, [height, width], place, inCrop),
      box,
      predictedIou,
      stabilityScore: stability,
      point: [family.round(point[0] + x0), family.round(point[1] + y0)],
      crop: this.crop.box,
    };
  }

  /** Logits of one answer in pixels of the crop. */
  #enlarge(lowRes: Float32Array): Float32Array {
    const { maskSize, imageSize } = this.network;
    const { minMaskRegionArea: area, family } = this.options;
    const cleaned =
      family.smallRegions === "logits"
        ? cleanRegions(lowRes, maskSize, maskSize, this.#rule.threshold, { maxHoleArea: area, maxSprinkleArea: area })
        : lowRes;
    return this.#rule.toPicture(cleaned, 1, maskSize, this.#size, imageSize);
  }
}

interface PointBatch {
  /** In pixels of the crop. */
  readonly points: readonly (readonly [x: number, y: number])[];
  /** `[count, 2]` in pixels of the network's input. */
  readonly input: Float32Array;
}

/** Each point is an object of its own. */
function pointPrompts(coords: Float32Array, count: number): ObjectPrompts {
  return { count, points: { coords, labels: new Int32Array(count).fill(1), perObject: 1 } };
}

function cropPicture(picture: RgbPicture, [x0, y0, x1, y1]: CropBox): RgbPicture {
  const [height, width] = [y1 - y0, x1 - x0];
  if (height === picture.height && width === picture.width) return picture;
  const data = new Uint8Array(height * width * 3);
  for (let row = 0; row < height; row++) {
    const from = ((y0 + row) * picture.width + x0) * 3;
    data.set(picture.data.subarray(from, from + width * 3), row * width * 3);
  }
  return { height, width, data };
}
