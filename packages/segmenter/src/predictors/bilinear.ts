/**
 * Bilinear resizing of mask logits without antialiasing: PyTorch's `interpolate(mode="bilinear", align_corners=False)`. A new pixel's
 * centre lies between four old centres; beyond the outermost centres the border repeats.
 */

/** The part of the new grid that is wanted, in new pixels. */
export interface GridWindow {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/**
 * @param data `[count, height, width]` @param size rows and columns of the new grid
 * @param window what is computed of the new grid; all of it by default
 * @returns `[count, window.height, window.width]`
 */
export function resizeBilinear(
  data: Float32Array,
  count: number,
  [height, width]: readonly [height: number, width: number],
  [rows, columns]: readonly [rows: number, columns: number],
  window: GridWindow = { top: 0, left: 0, height: rows, width: columns },
): Float32Array {
  const down = places(height, rows, window.top, window.height);
  const across = places(width, columns, window.left, window.width);
  const out = new Float32Array(count * window.height * window.width);
  const line = new Float64Array(width);
  for (let plane = 0, to = 0; plane < count; plane++) {
    for (let row = 0; row < window.height; row++) {
      const upper = (plane * height + down.before[row]!) * width;
      const lower = (plane * height + down.after[row]!) * width;
      const part = down.part[row]!;
      for (let x = 0; x < width; x++) line[x] = data[upper + x]! * (1 - part) + data[lower + x]! * part;
      for (let column = 0; column < window.width; column++, to++) {
        const t = across.part[column]!;
        out[to] = line[across.before[column]!]! * (1 - t) + line[across.after[column]!]! * t;
      }
    }
  }
  return out;
}

/** Each new pixel lies `part` of the way from old pixel `before` to `after`. */
interface Places {
  readonly before: Int32Array;
  readonly after: Int32Array;
  readonly part: Float64Array;
}

function places(from: number, to: number, start: number, count: number): Places {
  const before = new Int32Array(count);
  const after = new Int32Array(count);
  const part = new Float64Array(count);
  for (let n = 0; n < count; n++) {
    const position = Math.min(Math.max((start + n + 0.5) * (from / to) - 0.5, 0), from - 1);
    before[n] = Math.floor(position);
    after[n] = Math.min(before[n]! + 1, from - 1);
    part[n] = position - before[n]!;
  }
  return { before, after, part };
}
