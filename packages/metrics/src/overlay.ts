/**
 * Labels drawn over a slice: a translucent fill and a contour per label, pixels square in mm.
 *
 * The image is enlarged with linear interpolation, labels with the nearest voxel, so that what is drawn is what is stored.
 */
import { GeometryError } from "@rfmedsam/base";
import { describeGrid, sameGrid, type Volume } from "@rfmedsam/imaging";
import { type LabelOrRegion, labelsOf } from "./classes.js";
import { colourOf, type Rgb } from "./colours.js";
import { mosaic, type Picture } from "./picture.js";
import { informativeSlice, percentileWindow, type Slice, sliceOf, type View, type Window } from "./slices.js";

export interface OverlayOptions {
  readonly view?: View;
  /** As `sliceOf` counts; the most informative one of the labels unless given. */
  readonly index?: number;
  /** From the image's percentiles unless given. */
  readonly window?: Window;
  /** Width of the panel in pixels; the height follows from the spacing. */
  readonly width?: number;
  /** Opacity of the fill, 0 … 1. */
  readonly fill?: number;
  /** Thickness of the contour in pixels; 0 for none. */
  readonly contour?: number;
  /** Colour per label number. */
  readonly colour?: (label: number) => Rgb;
}

/**
 * One slice of the image with labels over it.
 *
 * @param labels on the image's grid; `undefined` draws the image alone
 * @throws GeometryError when labels and image do not lie on one grid
 */
export function drawOverlay(image: Volume, labels: Volume | undefined, options: OverlayOptions = {}): Picture {
  if (labels !== undefined) checkGrid(image, labels);
  const { view = "axial", width = 320, fill = 0.28, contour = 2, colour = colourOf } = options;
  const index = options.index ?? informativeSlice(labels ?? image, view);
  const slice = sliceOf(image, view, index);
  const picture = drawImage(slice, width, options.window ?? percentileWindow(image));
  if (labels !== undefined) drawLabels(picture, sliceOf(labels, view, index), { fill, contour, colour });
  return picture;
}

/**
 * The same slice several times, side by side: e.g. the bare image, the reference, then every stage's labels.
 *
 * @param panels labels per panel, all on the image's grid; `undefined` for the bare image
 * @param options `index` defaults to the most informative slice of the first labels given
 */
export function drawComparison(
  image: Volume,
  panels: readonly (Volume | undefined)[],
  options: OverlayOptions = {},
): Picture {
  const { view = "axial" } = options;
  const first = panels.find((labels) => labels !== undefined) ?? image;
  const index = options.index ?? informativeSlice(first, view);
  const window = options.window ?? percentileWindow(image);
  return mosaic(panels.map((labels) => drawOverlay(image, labels, { ...options, view, index, window })));
}

/** A mask to draw the border of. */
export interface Outline {
  /** On the image's grid. */
  readonly labels: Volume;
  /** The label, or several, whose border it is. */
  readonly label: LabelOrRegion;
  readonly colour: Rgb;
  /** Pixels. */
  readonly thickness?: number;
}

/**
 * One slice of the image with the borders of masks over it, later ones over earlier ones: what was found beside what is there.
 *
 * @param options `index` defaults to the most informative slice of the first mask
 * @throws GeometryError when labels and image do not lie on one grid
 */
export function drawOutlines(image: Volume, outlines: readonly Outline[], options: OverlayOptions = {}): Picture {
  const { view = "axial", width = 320 } = options;
  for (const { labels } of outlines) checkGrid(image, labels);
  const index = options.index ?? informativeSlice(outlines[0]?.labels ?? image, view);
  const picture = drawImage(sliceOf(image, view, index), width, options.window ?? percentileWindow(image));
  for (const { labels, label, colour, thickness = 2 } of outlines) {
    const slice = sliceOf(labels, view, index);
    const inside = labelsOf(label);
    const mask = { ...slice, data: slice.data.map((value) => (inside.includes(value) ? 1 : 0)) };
    drawLabels(picture, mask, { fill: 0, contour: thickness, colour: () => colour });
  }
  return picture;
}

function checkGrid(image: Volume, labels: Volume): void {
  if (sameGrid(image, labels)) return;
  throw new GeometryError({
    found: `labels of ${describeGrid(labels)}`,
    expected: `the image's ${describeGrid(image)}, at the same place`,
    hint: "draw labels over the image they belong to",
  });
}

function drawImage(slice: Slice, width: number, window: Window): Picture {
  const pixelMm = (slice.width * slice.columnMm) / width;
  const height = Math.max(1, Math.round((slice.height * slice.rowMm) / pixelMm));
  const data = new Uint8Array(width * height * 3);
  const scale = 255 / (window.high - window.low);
  for (let row = 0; row < height; row++) {
    const y = ((row + 0.5) * slice.height) / height - 0.5;
    for (let column = 0; column < width; column++) {
      const x = ((column + 0.5) * slice.width) / width - 0.5;
      const grey = Math.max(0, Math.min(255, (linear(slice, x, y) - window.low) * scale));
      data.fill(Math.round(grey), (row * width + column) * 3, (row * width + column) * 3 + 3);
    }
  }
  return { width, height, data };
}

/** Between the four nearest values, edges repeated. */
function linear({ data, width, height }: Slice, x: number, y: number): number {
  const [left, top] = [Math.floor(x), Math.floor(y)];
  const [u, v] = [x - left, y - top];
  const at = (column: number, row: number) =>
    data[Math.min(height - 1, Math.max(0, row)) * width + Math.min(width - 1, Math.max(0, column))] as number;
  const above = at(left, top) * (1 - u) + at(left + 1, top) * u;
  const below = at(left, top + 1) * (1 - u) + at(left + 1, top + 1) * u;
  return above * (1 - v) + below * v;
}

interface Style {
  readonly fill: number;
  readonly contour: number;
  readonly colour: (label: number) => Rgb;
}

function drawLabels({ width, height, data }: Picture, slice: Slice, { fill, contour, colour }: Style): void {
  const column = Int32Array.from({ length: width }, (_, x) => Math.floor(((x + 0.5) * slice.width) / width));
  const line = Int32Array.from({ length: height }, (_, y) => Math.floor(((y + 0.5) * slice.height) / height));
  const labelAt = (x: number, y: number): number =>
    slice.data[(line[y] as number) * slice.width + (column[x] as number)] as number;
  /** Outside the picture counts as inside the label: an organ cut off by the edge has no contour there. */
  const differs = (x: number, y: number, label: number): boolean =>
    x >= 0 && y >= 0 && x < width && y < height && labelAt(x, y) !== label;
  const onContour = (x: number, y: number, label: number): boolean => {
    for (let step = 1; step <= contour; step++) {
      if (differs(x - step, y, label) || differs(x + step, y, label)) return true;
      if (differs(x, y - step, label) || differs(x, y + step, label)) return true;
    }
    return false;
  };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const label = labelAt(x, y);
      if (label <= 0) continue;
      const opacity = onContour(x, y, label) ? 1 : fill;
      const ink = colour(label);
      for (const channel of [0, 1, 2] as const) {
        const at = (y * width + x) * 3 + channel;
        data[at] = Math.round((data[at] as number) * (1 - opacity) + ink[channel] * opacity);
      }
    }
  }
}
