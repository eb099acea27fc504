/** Stored samples → values: unused bits masked away, the sign taken from the highest bit stored, slope and intercept applied. */
import { FormatError } from "@rfmedsam/base";
import type { Samples } from "./codecs/decode-frame.js";
import type { FrameHeader, PixelLayout } from "./image-header.js";

/**
 * Collects the slices of a volume: int16 as long as every value is whole and fits, from the first that is not float32. Made with the
 * first slice, so that nothing is made room for before one frame could be read.
 */
export class SliceCollector {
  readonly #count: number;
  #data: Int16Array | Float32Array | undefined;

  constructor(count: number) {
    this.#count = count;
  }

  /** @param slice place along the normal, from 0 @throws FormatError for a rescaling that is none */
  add(slice: number, samples: Samples, layout: PixelLayout, frame: FrameHeader, file: string): void {
    const pixels = layout.rows * layout.columns;
    const { slope, intercept } = frame;
    if (!Number.isFinite(slope) || !Number.isFinite(intercept) || slope === 0) {
      throw new FormatError({
        file,
        found: `the rescale slope ${slope} and intercept ${intercept}`,
        expected: "two numbers, the slope not 0",
        hint: "export the images again",
      });
    }
    this.#data ??= new Int16Array(this.#count * pixels);
    const start = slice * pixels;
    if (this.#data instanceof Int16Array) {
      if (fillWhole(this.#data, start, pixels, samples, layout, slope, intercept)) return;
      this.#data = new Float32Array(this.#data);
    }
    fill(this.#data, start, pixels, samples, layout, slope, intercept);
  }

  /** @returns `[slice, row, column]` */
  get data(): Int16Array | Float32Array {
    return this.#data ?? new Int16Array(0);
  }
}

/** How far a sample is shifted up, then down again, to keep only its stored bits (and its sign). */
function shifts({ bitsStored, highBit }: PixelLayout): readonly [up: number, down: number] {
  return [31 - highBit, 32 - bitsStored];
}

/** @returns whether all values were whole and fitted; the rest of the slice is unfilled if not */
function fillWhole(
  out: Int16Array,
  start: number,
  pixels: number,
  samples: Samples,
  layout: PixelLayout,
  slope: number,
  intercept: number,
): boolean {
  const [up, down] = shifts(layout);
  for (let i = 0; i < pixels; i++) {
    const raw = samples[i]! << up;
    const value = (layout.signed ? raw >> down : raw >>> down) * slope + intercept;
    out[start + i] = value;
    if (out[start + i] !== value) return false;
  }
  return true;
}

function fill(
  out: Float32Array,
  start: number,
  pixels: number,
  samples: Samples,
  layout: PixelLayout,
  slope: number,
  intercept: number,
): void {
  const [up, down] = shifts(layout);
  for (let i = 0; i < pixels; i++) {
    const raw = samples[i]! << up;
    out[start + i] = (layout.signed ? raw >> down : raw >>> down) * slope + intercept;
  }
}
