/**
 * Two label maps taken apart: both masks of a label, cut to the box that holds them.
 *
 * One pass over the voxels finds every label's box, so that a hundred organs cost little more than their own voxels. What the reference
 * marks as ignored belongs to neither mask, as in the counts.
 */
import type { Triple } from "@rfmedsam/imaging";
import { Classes, type LabelOrRegion, labelsOf } from "./classes.js";
import type { Mask } from "./surface/mask.js";

/** First and last voxel on every axis. */
type Extent = readonly [z0: number, z1: number, y0: number, y1: number, x0: number, x1: number];

export interface MasksOfLabel {
  readonly reference: Mask;
  readonly prediction: Mask;
}

/** Cut out of neither map: one voxel of background. */
const nothing: Mask = { data: new Uint8Array(1), shape: [1, 1, 1] };

export class LabelMasks {
  readonly #maps: { readonly prediction: ArrayLike<number>; readonly reference: ArrayLike<number> };
  readonly #shape: Triple;
  readonly #ignored: number | undefined;
  readonly #classes: Classes;
  readonly #boxes: Int32Array;

  /**
   * @param maps labels `[z, y, x]`
   * @param labels those that will be asked for
   * @param ignored the label of voxels, in the reference, that belong to nothing
   */
  constructor(
    maps: { readonly prediction: ArrayLike<number>; readonly reference: ArrayLike<number> },
    shape: Triple,
    labels: readonly LabelOrRegion[],
    ignored?: number,
  ) {
    this.#maps = maps;
    this.#shape = shape;
    this.#ignored = ignored;
    this.#classes = new Classes(labels);
    this.#boxes = Int32Array.from({ length: 6 * this.#classes.count }, (_, at) => (at % 2 === 0 ? 2 ** 31 - 1 : -1));
    this.#measure(maps.prediction);
    this.#measure(maps.reference);
  }

  /** Both masks on the smallest box around what either map has of the label. */
  of(label: LabelOrRegion): MasksOfLabel {
    const labels = labelsOf(label);
    const box = this.#boxAround(labels);
    if (box === undefined) return { reference: nothing, prediction: nothing };
    const { prediction, reference } = this.#maps;
    return { reference: this.#cut(reference, labels, box), prediction: this.#cut(prediction, labels, box) };
  }

  /** Widens the boxes, run of equal labels by run. */
  #measure(map: ArrayLike<number>): void {
    const [depth, height, width] = this.#shape;
    for (let z = 0, start = 0; z < depth; z++) {
      for (let y = 0; y < height; y++, start += width) {
        for (let x = 0; x < width; ) {
          const [label, from] = [map[start + x]!, x];
          do x++;
          while (x < width && map[start + x] === label);
          const at = this.#classes.indexOf(label);
          if (at > 0) this.#widen(6 * at, z, y, from, x - 1);
        }
      }
    }
  }

  #widen(at: number, z: number, y: number, from: number, to: number): void {
    const boxes = this.#boxes;
    if (z < boxes[at]!) boxes[at] = z;
    if (z > boxes[at + 1]!) boxes[at + 1] = z;
    if (y < boxes[at + 2]!) boxes[at + 2] = y;
    if (y > boxes[at + 3]!) boxes[at + 3] = y;
    if (from < boxes[at + 4]!) boxes[at + 4] = from;
    if (to > boxes[at + 5]!) boxes[at + 5] = to;
  }

  #boxAround(labels: readonly number[]): Extent | undefined {
    const boxes = labels
      .map((label) => this.#classes.indexOf(label) * 6)
      .map((at) => this.#boxes.subarray(at, at + 6) as unknown as Extent)
      .filter((box) => box[1] >= 0);
    if (boxes.length === 0) return undefined;
    const ends = (at: number) => boxes.map((box) => box[at]!);
    return [0, 1, 2, 3, 4, 5].map((at) =>
      at % 2 === 0 ? Math.min(...ends(at)) : Math.max(...ends(at)),
    ) as unknown as Extent;
  }

  #cut(map: ArrayLike<number>, labels: readonly number[], [z0, z1, y0, y1, x0, x1]: Extent): Mask {
    const [, height, width] = this.#shape;
    const classes = new Classes([labels]);
    const shape = [z1 - z0 + 1, y1 - y0 + 1, x1 - x0 + 1] as const;
    const data = new Uint8Array(shape[0] * shape[1] * shape[2]);
    const [{ reference }, ignored] = [this.#maps, this.#ignored];
    for (let z = z0, to = 0; z <= z1; z++) {
      for (let y = y0; y <= y1; y++) {
        const end = (z * height + y) * width + x1;
        for (let from = end - x1 + x0; from <= end; from++, to++) {
          if (classes.indexOf(map[from]!) > 0 && reference[from] !== ignored) data[to] = 1;
        }
      }
    }
    return { data, shape };
  }
}
