/** Pictures: RGB pixels, put side by side, written as PNG. */
import { encode } from "fast-png";
import type { Rgb } from "./colours.js";

/** RGB, 8 bits each, row by row from the top. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

/** The bytes of a PNG file. */
export function toPng({ width, height, data }: Picture): Uint8Array {
  return encode({ width, height, data, channels: 3, depth: 8 });
}

export interface MosaicOptions {
  /** Panels per row; all in one row unless given. */
  readonly columns?: number;
  /** Pixels between panels. */
  readonly gap?: number;
  readonly background?: Rgb;
}

/** Panels side by side, row by row; smaller ones are centred in their cell. */
export function mosaic(panels: readonly Picture[], options: MosaicOptions = {}): Picture {
  const { columns = panels.length, gap = 6, background = [16, 16, 16] } = options;
  const rows = Array.from({ length: Math.ceil(panels.length / Math.max(1, columns)) }, (_, row) =>
    panels.slice(row * columns, (row + 1) * columns),
  );
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.width ?? 0)));
  const heights = rows.map((row) => Math.max(...row.map(({ height }) => height)));
  const total = (sizes: readonly number[]) =>
    sizes.reduce((sum, size) => sum + size, 0) + gap * Math.max(0, sizes.length - 1);
  const canvas = blank(Math.max(1, total(widths)), Math.max(1, total(heights)), background);
  let top = 0;
  for (const [at, row] of rows.entries()) {
    const height = heights[at] as number;
    let left = 0;
    for (const [column, panel] of row.entries()) {
      const width = widths[column] as number;
      place(canvas, panel, left + Math.floor((width - panel.width) / 2), top + Math.floor((height - panel.height) / 2));
      left += width + gap;
    }
    top += height + gap;
  }
  return canvas;
}

function blank(width: number, height: number, colour: Rgb): Picture {
  const data = new Uint8Array(width * height * 3);
  for (let at = 0; at < data.length; at += 3) data.set(colour, at);
  return { width, height, data };
}

function place(canvas: Picture, panel: Picture, left: number, top: number): void {
  for (let row = 0; row < panel.height; row++) {
    const line = panel.data.subarray(row * panel.width * 3, (row + 1) * panel.width * 3);
    canvas.data.set(line, ((top + row) * canvas.width + left) * 3);
  }
}
