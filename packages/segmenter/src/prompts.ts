/**
 * From class probabilities (step 0's, or a stage's) to prompts: which classes are asked for on which slices, with which box and
 * mask. Prediction and training both prompt through here; training only degrades the probabilities before.
 */
import { BridgeFinder } from "./bridges.js";
import type { ObjectPrompts } from "./networks.js";
import { extentsOf, SliceComponents } from "./slice-components.js";
import { boxToInput, fitInto, type PixelBox, type SliceFrame } from "./slices.js";

/** Mask prompts are logits within ± this, SAM 2's own range for masks given as prompts. */
export const maskPromptLimit = 10;

/** What each prompt generator shows the decoder. A new kind of prompt is one row. */
export const promptGenerators = {
  maskAndBox: ({ count, boxes, masks }) => ({ count, boxes, masks }),
  mask: ({ count, masks }) => ({ count, masks }),
  box: ({ count, boxes }) => ({ count, boxes }),
} as const satisfies Record<string, (all: Required<Omit<ObjectPrompts, "points">>) => ObjectPrompts>;
export type PromptKind = keyof typeof promptGenerators;

export interface PromptOptions {
  readonly kind: PromptKind;
  /** Smallest mask, in voxels of a slice, that counts as the class being there. */
  readonly minimumArea: number;
  /** How many slices beyond the class's own are asked for as well. */
  readonly marginSlices: number;
  /** Slices in a row, at most, on which a class that is elsewhere or missing is asked for where its neighbours have it (default 0). */
  readonly bridgeSlices?: number | undefined;
  /** How far a box reaches beyond the mask, in input pixels. */
  readonly boxMargin: number;
  /** Ask once for every connected component of a class on a slice, instead of once for the class (default false). */
  readonly perComponent?: boolean | undefined;
}

/** Probabilities `[K, h, w]` of one slice, background first. The array may be reused by the next call. */
export type SliceProbabilities = (slice: number) => Float32Array;

/**
 * One object to ask for on a slice: a class, or a component of it. Mask and box come from `source`, the slice itself or (margin,
 * bridges) the nearest that has the class.
 */
export interface PlannedObject {
  readonly class: number;
  readonly source: number;
  /** Which component of the class on `source`, from 1 in array order, pixels that touch at a corner being one; without it, all of it. */
  readonly component?: number;
  /** The slices on both sides contradict its own: `source` is one of them. */
  readonly bridged?: true;
}

/** The winning class of every voxel `[h, w]` of one slice: a prediction's argmax, or true labels. */
export type SliceLabels = (slice: number) => Uint8Array;

/** For every slice the objects to ask for, by ascending class and component. */
export type PromptPlan = readonly (readonly PlannedObject[])[];

/**
 * Decides what is asked for on which slices: the classes whose mask is large enough (or their components that are), plus the margin; where
 * its neighbours contradict a slice's mask, theirs takes its place (bridges.ts).
 */
export function planPrompts(
  labels: SliceLabels,
  frame: Pick<SliceFrame, "count" | "height" | "width">,
  classes: number,
  { minimumArea, marginSlices, bridgeSlices = 0, perComponent = false }: Omit<PromptOptions, "kind" | "boxMargin">,
): PromptPlan {
  const least = Math.max(1, minimumArea);
  const bridges = new BridgeFinder(classes, bridgeSlices);
  const found = Array.from({ length: frame.count }, (_, slice) => {
    const winners = labels(slice);
    const area = new Int32Array(classes);
    for (const label of winners) if (label < classes) area[label]!++;
    bridges.add(winners, area);
    return Array.from(area, (size, label) => {
      if (label === 0 || size < least) return nothing;
      return perComponent ? new SliceComponents(winners, label, frame).atLeast(least) : wholeClass;
    });
  });
  const isThere = (slice: number, label: number) => (found[slice]?.[label]?.length ?? 0) > 0;
  const bridged = Array.from({ length: classes }, (_, label) =>
    bridges.sourcesOf(label, (slice) => isThere(slice, label)),
  );
  const nearest = (slice: number, label: number) => {
    for (let distance = 0; distance <= marginSlices; distance++) {
      for (const source of [slice - distance, slice + distance]) {
        if (isThere(source, label)) return source;
      }
    }
    return undefined;
  };
  return Array.from({ length: frame.count }, (_, slice) => {
    const objects: PlannedObject[] = [];
    for (let label = 1; label < classes; label++) {
      const other = bridged[label]![slice];
      const source = other ?? nearest(slice, label);
      if (source === undefined) continue;
      for (const component of found[source]![label]!) {
        objects.push({
          class: label,
          source,
          ...(component !== undefined && { component }),
          ...(other !== undefined && { bridged: true }),
        });
      }
    }
    return objects;
  });
}

/** Per class, 1 on the slices `[count]` where a plan asks for it with another slice's mask, as its own is contradicted. */
export function bridgedSlices(plan: PromptPlan, classes: number): Uint8Array[] {
  const found = Array.from({ length: classes }, () => new Uint8Array(plan.length));
  plan.forEach((objects, slice) => {
    for (const { class: label, bridged } of objects) if (bridged) found[label]![slice] = 1;
  });
  return found;
}

const nothing: readonly (number | undefined)[] = [];
const wholeClass: readonly (number | undefined)[] = [undefined];

/** The prompts of one slice, with what stage 2 needs again. */
export interface SlicePrompts {
  readonly slice: number;
  /** Class of each object, ascending; its components follow one another. */
  readonly classes: readonly number[];
  readonly prompts: ObjectPrompts;
  /** `[n, 4]` in input pixels, also when the generator does not show them. */
  readonly boxes: Float32Array;
}

/**
 * Makes the prompts of one slice of a plan.
 *
 * @param maskSize side m of the mask prompts
 * @returns nothing when no class is asked for
 */
export function slicePrompts(
  plan: PromptPlan,
  slice: number,
  probabilities: SliceProbabilities,
  frame: SliceFrame,
  classes: number,
  maskSize: number,
  { kind, boxMargin }: Pick<PromptOptions, "kind" | "boxMargin">,
): SlicePrompts | undefined {
  const objects = plan[slice] ?? [];
  if (objects.length === 0) return undefined;
  const voxels = frame.height * frame.width;
  const boxes = new Float32Array(objects.length * 4);
  const masks = new Float32Array(objects.length * maskSize * maskSize);
  // One pass per source slice, because `probabilities` may reuse its array.
  for (const source of new Set(objects.map((object) => object.source))) {
    const scores = probabilities(source);
    const winners = argmaxOfSlice(scores, classes, voxels);
    let components: SliceComponents | undefined;
    objects.forEach((object, row) => {
      if (object.source !== source) return;
      const { class: label, component } = object;
      const whole = scores.subarray(label * voxels, (label + 1) * voxels);
      if (component !== undefined && components?.label !== label) {
        components = new SliceComponents(winners, label, frame);
      }
      const part = component === undefined ? undefined : components?.only(component, whole);
      const box = part?.box ?? extentsOf(winners, label, frame) ?? wholeSlice(frame);
      const values = part?.values ?? whole;
      boxes.set(padBox(boxToInput(frame, box), boxMargin, frame), row * 4);
      masks.set(maskPrompt(values, frame, maskSize), row * maskSize * maskSize);
    });
  }
  const prompts = promptGenerators[kind]({ count: objects.length, boxes, masks });
  return { slice, classes: objects.map((object) => object.class), prompts, boxes };
}

/** Log-odds of probabilities `[h, w]`, clamped and brought to the mask grid `[m, m]`; the padding is surely background. */
export function maskPrompt(probabilities: Float32Array, frame: SliceFrame, maskSize: number): Float32Array {
  const logits = probabilities.map((p) => clamp(Math.log(p / (1 - p)), maskPromptLimit));
  return fitInto(logits, frame, maskSize, -maskPromptLimit);
}

/** A copy of mask logits within the range of mask prompts. */
export function clampLogits(logits: Float32Array, limit: number = maskPromptLimit): Float32Array {
  return logits.map((value) => clamp(value, limit));
}

function clamp(value: number, limit: number): number {
  return Math.min(Math.max(value, -limit), limit);
}

function wholeSlice({ height, width }: SliceFrame): PixelBox {
  return [0, 0, width - 1, height - 1];
}

/** Widens a box of input pixels on every side, within the picture; a box thinner than a pixel becomes one pixel. */
export function padBox(
  [x0, y0, x1, y1]: PixelBox,
  margin: number,
  { scale, height, width, imageSize }: SliceFrame,
): PixelBox {
  const side = (low: number, high: number, extent: number): [number, number] => {
    const last = Math.min(extent, imageSize) - 1;
    const from = Math.min(Math.max(low - margin, 0), Math.max(last, 0));
    return [from, Math.max(from, Math.min(high + margin, last))];
  };
  const [left, right] = side(x0, x1, width * scale[1]);
  const [top, bottom] = side(y0, y1, height * scale[0]);
  return [left, top, right, bottom];
}

/** PixelBox of the pixels above 0 in mask logits `[m, m]`, in input pixels; none if there are no such pixels. */
export function boxOfLogits(logits: Float32Array, maskSize: number, imageSize: number): PixelBox | undefined {
  let [x0, y0, x1, y1] = [maskSize, maskSize, -1, -1];
  for (let y = 0; y < maskSize; y++) {
    for (let x = 0; x < maskSize; x++) {
      if (!(logits[y * maskSize + x]! > 0)) continue;
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x)];
      [y0, y1] = [Math.min(y0, y), y];
    }
  }
  const ratio = imageSize / maskSize;
  return x1 < 0 ? undefined : [x0 * ratio, y0 * ratio, (x1 + 1) * ratio - 1, (y1 + 1) * ratio - 1];
}

/** The winning class of every voxel of `[K, voxels]`; of equal ones the first. */
export function argmaxOfSlice(scores: Float32Array, classes: number, voxels: number): Uint8Array {
  const winners = new Uint8Array(voxels);
  const best = scores.slice(0, voxels);
  for (let k = 1; k < classes; k++) {
    for (let n = 0; n < voxels; n++) {
      const score = scores[k * voxels + n]!;
      if (score > best[n]!) {
        best[n] = score;
        winners[n] = k;
      }
    }
  }
  return winners;
}
