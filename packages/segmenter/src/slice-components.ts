/**
 * The connected components of a class on one slice: what is asked for one by one when a class is several things (two kidneys under one
 * name, vessels cut across). Pixels that touch at a corner belong together; numbers from 1 follow the first pixel in array order.
 */
import { type Components, connectedComponents } from "@rfmedsam/imaging";
import type { PixelBox, SliceFrame } from "./slices.js";

type SliceSize = Pick<SliceFrame, "height" | "width">;

/** First and last column and row where a slice `[h, w]` of labels has the class, if anywhere. */
export function extentsOf(labels: Uint8Array, label: number, { height, width }: SliceSize): PixelBox | undefined {
  let [x0, y0, x1, y1] = [width, height, -1, -1];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (labels[y * width + x] !== label) continue;
      [x0, x1] = [Math.min(x0, x), Math.max(x1, x)];
      [y0, y1] = [Math.min(y0, y), y];
    }
  }
  return x1 < 0 ? undefined : [x0, y0, x1, y1];
}

export class SliceComponents {
  readonly #box: PixelBox;
  readonly #width: number;
  readonly #found: Components;

  /** @param labels `[h, w]` */
  constructor(
    labels: Uint8Array,
    readonly label: number,
    size: SliceSize,
  ) {
    this.#width = size.width;
    this.#box = extentsOf(labels, label, size) ?? [0, 0, 0, 0];
    const [x0, y0, x1, y1] = this.#box;
    const [rows, columns] = [y1 - y0 + 1, x1 - x0 + 1];
    // Only within the box around the class: a slice has many classes.
    const mask = new Uint8Array(rows * columns);
    for (let y = 0; y < rows; y++) {
      const from = (y0 + y) * size.width + x0;
      for (let x = 0; x < columns; x++) if (labels[from + x] === label) mask[y * columns + x] = 1;
    }
    this.#found = connectedComponents(mask, [1, rows, columns], 8);
  }

  /** Components of at least so many pixels, ascending. */
  atLeast(pixels: number): readonly number[] {
    const { count, sizes } = this.#found;
    return Array.from({ length: count }, (_, n) => n + 1).filter((component) => sizes[component]! >= pixels);
  }

  /**
   * One component by itself: `values` `[h, w]` with 0 on the other components, and the box around it.
   * @returns nothing when there is no such component
   */
  only(component: number, values: Float32Array): { values: Float32Array; box: PixelBox } | undefined {
    if (!(component >= 1 && component <= this.#found.count)) return undefined;
    const [x0, y0, x1] = this.#box;
    const columns = x1 - x0 + 1;
    const own = values.slice();
    let [left, top, right, bottom] = [this.#width, 0, -1, -1];
    this.#found.labels.forEach((label, at) => {
      if (label === 0) return;
      const [x, y] = [x0 + (at % columns), y0 + Math.floor(at / columns)];
      if (label !== component) {
        own[y * this.#width + x] = 0;
        return;
      }
      if (right < 0) top = y;
      [left, right, bottom] = [Math.min(left, x), Math.max(right, x), y];
    });
    return { values: own, box: [left, top, right, bottom] };
  }
}
