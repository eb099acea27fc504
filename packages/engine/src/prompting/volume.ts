/**
 * Prompts on slices of a volume, answered: a label volume on its own grid.
 *
 *   SAM 2               prompted slices ─► forwards to the last slice, then backwards to the first: whole objects
 *   SAM, SAM-Med2D      prompted slices alone: they know no memory
 *
 * Slices lie as the volume is stored. With array axis 0 (z) a slice is k and (x, y) = (i, j); with 1 (y) it is j and (i, k); with 2 (x) it
 * is i and (j, k).
 */
import { type CancelSignal, ConfigError, type Progress, silent, throwIfCancelled } from "@rfmedsam/base";
import {
  determinant,
  intensityStatistics,
  type LabelVolume,
  orientationOf,
  type RgbPicture,
  toFloat32,
  type Volume,
  voxelCount,
} from "@rfmedsam/imaging";
import {
  extractSlice,
  type PromptableNetwork,
  placeSlice,
  type RefinerNetwork,
  type SliceAnswer,
  type SliceAxis,
  VolumePredictor,
  volumeSlices,
} from "@rfmedsam/segmenter";
import type { OpenPromptable } from "../promptable.js";
import { answerQuestions, type FoundObject } from "./picture.js";
import { checkAsked, type GivenPrompts } from "./prompts.js";
import { questionsOnSlices, type SliceQuestion, sliceSize } from "./slice-questions.js";

export interface PromptVolumeOptions {
  /** How the slices lie in the patient; axial by default. Of an oblique volume, the nearest of its axes. */
  readonly axis?: SliceAxis | undefined;
  /** Intensities that become black and white; by default 0 and 255 of 8-bit volumes, else the percentiles 0.5 and 99.5. */
  readonly window?: { readonly low: number; readonly high: number } | undefined;
  /** The slice of boxes and masks that name none. */
  readonly slice?: number | undefined;
  /** Whether SAM 2 follows the objects through the volume (default) or answers on the prompted slices alone. */
  readonly propagate?: boolean | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

export interface PromptedVolume {
  /** The objects' numbers; where two overlap, that with the higher logit. */
  readonly labels: LabelVolume;
  /** Array axis of the slices. */
  readonly axis: 0 | 1 | 2;
  readonly window: { readonly low: number; readonly high: number };
  /** Slices that were prompted. */
  readonly prompted: readonly number[];
  readonly objects: readonly {
    readonly object: number;
    readonly voxels: number;
    /** Millilitres. */
    readonly ml: number;
    /** First and last slice it was found on. */
    readonly slices: readonly [first: number, last: number] | undefined;
  }[];
}

/**
 * @throws ConfigError for prompts that make no sense or lie outside, GeometryError for a slice that is none or a mask of another size;
 *   EngineError when the network's answer is no number; InterruptedError
 */
export async function promptVolume(
  model: Pick<OpenPromptable, "pictures" | "tracker">,
  volume: Volume,
  prompts: GivenPrompts,
  options: PromptVolumeOptions = {},
): Promise<PromptedVolume> {
  const axis = arrayAxis(volume, options.axis ?? "axial");
  const questions = questionsOnSlices(volume, axis, prompts, options.slice);
  checkAsked(questions);
  const voxels = toFloat32(volume.data);
  const window = options.window ?? usualWindow(volume, voxels);
  const shown: Shown = { volume: { ...volume, data: voxels }, axis, window, questions };
  const labels: LabelVolume = { ...volume, data: new Uint8Array(voxelCount(volume.shape)) };
  const answers = model.tracker ? tracked(model.tracker, shown, options) : answered(model.pictures, shown, options);
  for await (const { slice, numbers } of answers) placeSlice(numbers, labels.data, volume.shape, axis, slice);
  const prompted = [...new Set(questions.map(({ slice }) => slice))].sort((a, b) => a - b);
  return { labels, axis, window, prompted, objects: foundObjects(labels, axis, questions) };
}

/** The array axis along which the patient's slices are stacked. */
export function arrayAxis(volume: Volume, axis: SliceAxis): 0 | 1 | 2 {
  const directions = { axial: "SI", coronal: "AP", sagittal: "RL" }[axis];
  const ijk = [...orientationOf(volume)].findIndex((letter) => directions.includes(letter));
  return (2 - ijk) as 0 | 1 | 2;
}

interface Shown {
  readonly volume: Volume<Float32Array>;
  readonly axis: 0 | 1 | 2;
  readonly window: { readonly low: number; readonly high: number };
  readonly questions: readonly SliceQuestion[];
}

/** Object numbers of one slice `[h, w]`. */
interface NumberedSlice {
  readonly slice: number;
  readonly numbers: Uint8Array;
}

async function* tracked(
  network: RefinerNetwork,
  { volume, axis, window, questions }: Shown,
  { propagate = true, progress = silent, signal }: PromptVolumeOptions,
): AsyncGenerator<NumberedSlice> {
  const slices = volumeSlices(volume, {
    axis,
    window: [window.low, window.high],
    colours: "repeat",
    imageSize: network.imageSize,
  });
  using predictor = new VolumePredictor(network, slices, { nonOverlapping: true, history: "reachable" });
  const shown = new Map<number, NumberedSlice>();
  for (const [n, { slice, object, points, labels, box, mask }] of questions.entries()) {
    throwIfCancelled(signal);
    if (mask !== undefined && (box !== undefined || points.length > 0)) {
      throw new ConfigError({
        found: `a mask and other prompts for object ${object} on slice ${slice}`,
        expected: "SAM 2 takes a mask for the answer: nothing beside it",
        hint: "leave one of them out, or put it on another slice",
      });
    }
    const answer =
      mask === undefined
        ? await predictor.addPoints(slice, object, { points, labels, box })
        : await predictor.addMask(slice, object, mask.data);
    shown.set(slice, numbered(answer));
    progress({ stage: "prompted slices", done: n + 1, total: questions.length });
  }
  if (!propagate) {
    yield* shown.values();
    return;
  }
  for (const reverse of [false, true]) {
    const named = (event: Parameters<Progress>[0]) => progress({ ...event, stage: reverse ? "backwards" : "forwards" });
    for await (const answer of predictor.propagate({ reverse, progress: named, ...(signal && { signal }) })) {
      yield numbered(answer);
    }
  }
}

/** Each prompted slice as a picture of its own. */
async function* answered(
  network: PromptableNetwork,
  shown: Shown,
  { progress = silent, signal }: PromptVolumeOptions,
): AsyncGenerator<NumberedSlice> {
  const { questions } = shown;
  const slices = [...new Set(questions.map(({ slice }) => slice))];
  for (const [n, slice] of slices.entries()) {
    throwIfCancelled(signal);
    const asked = questions.filter((question) => question.slice === slice);
    const found = await answerQuestions(network, slicePicture(shown, slice), asked);
    yield numberedSlice(slice, found);
    progress({ stage: "prompted slices", done: n + 1, total: slices.length });
  }
}

/** At each pixel the object that keeps it; the predictor has parted those that overlap. */
function numbered({ slice, objectIds, logits }: SliceAnswer): NumberedSlice {
  const numbers = new Uint8Array(logits.length / objectIds.length);
  for (const [n, object] of objectIds.entries()) {
    for (let at = 0, from = n * numbers.length; at < numbers.length; at++, from++) {
      if (logits[from]! > 0) numbers[at] = object;
    }
  }
  return { slice, numbers };
}

/** At each pixel the object with the highest logit, of those whose masks have it. */
function numberedSlice(slice: number, found: readonly FoundObject[]): NumberedSlice {
  const numbers = new Uint8Array(found[0]?.mask.length ?? 0);
  const highest = new Float32Array(numbers.length).fill(Number.NEGATIVE_INFINITY);
  for (const { object, mask, logits } of found) {
    for (let at = 0; at < numbers.length; at++) {
      if (mask[at] === 0 || logits[at]! <= highest[at]!) continue;
      numbers[at] = object;
      highest[at] = logits[at]!;
    }
  }
  return { slice, numbers };
}

/** As SAM's pictures are made of a volume's slices for video prediction, too. */
function usualWindow({ data }: Volume, voxels: Float32Array): { readonly low: number; readonly high: number } {
  if (data instanceof Uint8Array) return { low: 0, high: 255 };
  const finite = voxels.every(Number.isFinite) ? voxels : voxels.filter(Number.isFinite);
  if (finite.length === 0)
    throw new ConfigError({ found: "a volume without any finite voxel", expected: "intensities" });
  const { percentile005: low, percentile995: high } = intensityStatistics(finite);
  return high > low ? { low, high } : { low, high: low + 1 };
}

function slicePicture({ volume, axis, window }: Shown, slice: number): RgbPicture {
  const { height, width } = sliceSize(volume, axis);
  const values = extractSlice(volume.data, volume.shape, axis, slice, new Float32Array(height * width));
  const data = new Uint8ClampedArray(3 * values.length);
  const scale = 255 / (window.high - window.low);
  for (const [at, value] of values.entries()) {
    if (Number.isNaN(value)) {
      throw new ConfigError({
        found: `no number at column ${at % width}, row ${Math.floor(at / width)} of slice ${slice}`,
        expected: "an intensity",
        hint: "replace such voxels, by the lowest intensity say",
      });
    }
    data.fill((value - window.low) * scale, 3 * at, 3 * at + 3);
  }
  return { height, width, data };
}

function foundObjects(
  { data, shape, affine }: LabelVolume,
  axis: 0 | 1 | 2,
  questions: readonly SliceQuestion[],
): PromptedVolume["objects"] {
  const voxelMl = Math.abs(determinant(affine)) / 1000;
  const voxels = new Uint32Array(256);
  const first = new Int32Array(256).fill(-1);
  const last = new Int32Array(256).fill(-1);
  const { height, width } = sliceSize({ shape }, axis);
  const numbers = new Uint8Array(height * width);
  for (let slice = 0; slice < shape[axis]; slice++) {
    for (const object of extractSlice(data, shape, axis, slice, numbers)) {
      voxels[object]! += 1;
      if (first[object] === -1) first[object] = slice;
      last[object] = slice;
    }
  }
  const asked = [...new Set(questions.map(({ object }) => object))].sort((a, b) => a - b);
  return asked.map((object) => ({
    object,
    voxels: voxels[object]!,
    ml: voxels[object]! * voxelMl,
    slices: voxels[object] === 0 ? undefined : [first[object]!, last[object]!],
  }));
}
