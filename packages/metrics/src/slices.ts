/**
 * Slices as a radiologist looks at them, whatever the order the volume is stored in: axial and coronal with the patient's right on
 * the left of the picture, sagittal with the front on the left; front or head on top. Oblique volumes are shown along their
 * nearest axes.
 */
import { ConfigError } from "@rfmedsam/base";
import { orientationOf, spacingOf, type Volume } from "@rfmedsam/imaging";
import { quantile } from "./summary.js";

export type View = "axial" | "coronal" | "sagittal";

/** Where a view looks through, and where its columns and rows run to (letters of the patient's directions). */
const layouts: Readonly<Record<View, { through: string; columns: string; rows: string }>> = {
  axial: { through: "S", columns: "L", rows: "P" },
  coronal: { through: "A", columns: "L", rows: "I" },
  sagittal: { through: "R", columns: "P", rows: "I" },
};

/** Values of one slice, `[height, width]`, row by row from the top of the picture. */
export interface Slice {
  readonly data: Float32Array;
  readonly width: number;
  readonly height: number;
  /** Size of one value in mm. */
  readonly columnMm: number;
  readonly rowMm: number;
}

interface Walk {
  readonly size: number;
  /** Voxels from one step to the next in memory; negative when the axis runs the other way. */
  readonly stride: number;
  readonly start: number;
  readonly mm: number;
}

const opposite: Readonly<Record<string, string>> = { R: "L", L: "R", A: "P", P: "A", S: "I", I: "S" };

/** How to walk through a volume's memory towards a direction of the patient. */
function walkTowards(volume: Volume, letter: string): Walk {
  const letters = orientationOf(volume);
  const ijk = [...letters].findIndex((each) => each === letter || each === opposite[letter]);
  const axis = (2 - ijk) as 0 | 1 | 2;
  const size = volume.shape[axis];
  const stride = volume.shape.slice(axis + 1).reduce((product, length) => product * length, 1);
  const forward = letters[ijk] === letter;
  return {
    size,
    stride: forward ? stride : -stride,
    start: forward ? 0 : (size - 1) * stride,
    mm: spacingOf(volume)[axis],
  };
}

/** How many slices a view has. */
export function sliceCount(volume: Volume, view: View): number {
  return walkTowards(volume, layouts[view].through).size;
}

/**
 * One slice of a volume.
 *
 * @param index counted towards the head (axial), the front (coronal) or the right (sagittal), from 0
 * @throws ConfigError when there is no such slice
 */
export function sliceOf(volume: Volume, view: View, index: number): Slice {
  const { through, columns, rows } = layouts[view];
  const [across, along, down] = [through, columns, rows].map((letter) => walkTowards(volume, letter)) as [
    Walk,
    Walk,
    Walk,
  ];
  if (!(Number.isInteger(index) && index >= 0 && index < across.size)) {
    throw new ConfigError({ found: `${view} slice ${index}`, expected: `a slice from 0 to ${across.size - 1}` });
  }
  const data = new Float32Array(along.size * down.size);
  const origin = across.start + index * across.stride + along.start + down.start;
  for (let row = 0; row < down.size; row++) {
    for (let column = 0; column < along.size; column++) {
      data[row * along.size + column] = Number(volume.data[origin + row * down.stride + column * along.stride]);
    }
  }
  return { data, width: along.size, height: down.size, columnMm: along.mm, rowMm: down.mm };
}

/**
 * The slice that shows most: the largest sum over the labels of √area, which is the largest area for one label and prefers, for
 * several, a slice where many are seen. The middle slice when nothing is labelled.
 */
export function informativeSlice(labels: Volume, view: View): number {
  const count = sliceCount(labels, view);
  let best = { index: Math.floor(count / 2), worth: 0 };
  for (let index = 0; index < count; index++) {
    const worth = worthOf(sliceOf(labels, view, index));
    if (worth > best.worth) best = { index, worth };
  }
  return best.index;
}

function worthOf({ data }: Slice): number {
  const areas = new Map<number, number>();
  for (const label of data) if (label > 0) areas.set(label, (areas.get(label) ?? 0) + 1);
  return [...areas.values()].reduce((sum, area) => sum + Math.sqrt(area), 0);
}

/** Intensities that become black and white. */
export interface Window {
  readonly low: number;
  readonly high: number;
}

/** Soft tissue of the abdomen in CT, HU. */
export const abdomenWindow: Window = { low: -160, high: 240 };

/** Where the percentiles are taken from; more voxels would not move them. */
const sampleSize = 200_000;

/**
 * A window from the volume's own intensities.
 *
 * @param low share of the voxels below black
 * @param high share of the voxels below white
 */
export function percentileWindow(volume: Volume, low = 0.005, high = 0.995): Window {
  const step = Math.max(1, Math.floor(volume.data.length / sampleSize));
  const sample = Float64Array.from({ length: Math.floor(volume.data.length / step) }, (_, i) =>
    Number(volume.data[i * step]),
  )
    .filter((value) => Number.isFinite(value))
    .sort();
  if (sample.length === 0) return { low: 0, high: 1 };
  const [from, to] = [quantile(sample, low), quantile(sample, high)];
  return to > from ? { low: from, high: to } : { low: from - 0.5, high: from + 0.5 };
}
