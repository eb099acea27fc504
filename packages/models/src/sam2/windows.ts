/** Cutting a map of tokens into attention windows and putting it together again. */
import type { Tensor } from "@rfmedsam/torch";
import type { Grid } from "./position.js";

/**
 * Cuts a map into windows; what a window lacks at the lower and right border is zero.
 * @param x `[B, H, W, C]`
 * @returns windows `[B · rows · columns, side, side, C]` and how many there are per image
 */
export function splitWindows(x: Tensor, side: number): { windows: Tensor; count: Grid } {
  const [batch, height, width, channels] = x.shape as [number, number, number, number];
  const rows = Math.ceil(height / side);
  const columns = Math.ceil(width / side);
  const [below, right] = [rows * side - height, columns * side - width];
  const padded = below > 0 || right > 0 ? x.pad([0, 0, 0, right, 0, below]) : x;
  const windows = padded
    .reshape([batch, rows, side, columns, side, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([batch * rows * columns, side, side, channels]);
  return { windows, count: [rows, columns] };
}

/**
 * Puts windows (of any one size, pooled or not) back together and drops what was added at the border.
 * @param windows `[B · rows · columns, side, side, C]` @param grid rows and columns of the map without the added part
 */
export function joinWindows(windows: Tensor, [rows, columns]: Grid, [height, width]: Grid): Tensor {
  const [total, high, wide, channels] = windows.shape as [number, number, number, number];
  const batch = total / (rows * columns);
  const whole = windows
    .reshape([batch, rows, columns, high, wide, channels])
    .permute([0, 1, 3, 2, 4, 5])
    .reshape([batch, rows * high, columns * wide, channels]);
  return rows * high === height && columns * wide === width ? whole : whole.narrow(1, 0, height).narrow(2, 0, width);
}
