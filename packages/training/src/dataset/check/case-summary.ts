/** A case read once, one file after the other, and kept as a few numbers. What cannot be read is told, not thrown. */
import { RfmedsamError } from "@rfmedsam/base";
import { type Grid, isBigArray, type Volume } from "@rfmedsam/imaging";
import { readImage } from "@rfmedsam/imaging/node";
import { hashOf, type ImageSummary, summariseImage } from "./image-summary.js";
import type { CaseEntry } from "./inventory.js";

export interface ChannelSummary extends ImageSummary {
  readonly channel: number;
  readonly file: string;
  readonly grid: Grid;
}

export interface LabelSummary {
  readonly file: string;
  readonly grid: Grid;
  /** Voxels a value, of the values that are whole numbers from 0 to 255. */
  readonly voxels: ReadonlyMap<number, number>;
  /** How many voxels hold something else, and the first such value. */
  readonly strange: number;
  readonly strangeValue: number;
  readonly hash: string;
}

/** A sentence about one file. */
export interface FileRemark {
  readonly file: string;
  readonly text: string;
}

export interface CaseSummary extends CaseEntry {
  /** Those that could be read, by channel number. */
  readonly channels: readonly ChannelSummary[];
  readonly marked: LabelSummary | undefined;
  readonly unreadable: readonly FileRemark[];
  /** What the readers found unusual. */
  readonly unusual: readonly FileRemark[];
}

export async function summariseCase(entry: CaseEntry): Promise<CaseSummary> {
  const unreadable: FileRemark[] = [];
  const unusual: FileRemark[] = [];
  const read = async <T>(file: string, summarise: (volume: Volume) => T): Promise<T | undefined> => {
    try {
      const onWarning = (text: string) => unusual.push({ file, text });
      return summarise((await readImage(file, { onWarning })).volume);
    } catch (error) {
      if (!(error instanceof RfmedsamError)) throw error;
      unreadable.push({
        file,
        text: error.expected === undefined ? error.found : `${error.found}; expected ${error.expected}`,
      });
      return undefined;
    }
  };
  const channels: ChannelSummary[] = [];
  for (const [channel, file] of [...entry.images].sort(([a], [b]) => a - b)) {
    const summary = await read(file, (volume) => ({ channel, file, grid: gridOf(volume), ...summariseImage(volume) }));
    if (summary !== undefined) channels.push(summary);
  }
  const file = entry.labels;
  const marked = file === undefined ? undefined : await read(file, (volume) => ({ file, ...summariseLabels(volume) }));
  return { ...entry, channels, marked, unreadable, unusual };
}

const gridOf = ({ shape, affine }: Volume): Grid => ({ shape, affine });

function summariseLabels(volume: Volume): Omit<LabelSummary, "file"> {
  const { data } = volume;
  const labels = data instanceof Uint8Array ? data : new Uint8Array(data.length);
  const counts = new Float64Array(256);
  let [strange, strangeValue] = [0, Number.NaN];
  if (labels === data) {
    for (let i = 0; i < labels.length; i++) counts[labels[i]!]!++;
  } else {
    const big = isBigArray(data);
    for (let i = 0; i < labels.length; i++) {
      const value = big ? Number(data[i]) : (data[i] as number);
      labels[i] = value;
      if (labels[i] === value) {
        counts[value]!++;
      } else if (strange++ === 0) {
        strangeValue = value;
      }
    }
  }
  return {
    grid: gridOf(volume),
    voxels: new Map([...counts.entries()].filter(([, voxels]) => voxels > 0)),
    strange,
    strangeValue,
    hash: hashOf(labels, volume.shape),
  };
}
