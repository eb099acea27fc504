/** A segmentation's segments as one label map, and what is lost when they overlap. */
import { ConfigError, FormatError } from "@rfmedsam/base";
import { type Volume, voxelCount } from "../../volume.js";
import type { SegContent } from "./content.js";
import { forEachPixel } from "./stored.js";

export interface LabelMapOptions {
  /** Number of the voxels outside every segment; default 0. */
  readonly background?: number | undefined;
  /** For FRACTIONAL: the least share that counts as inside; default 0.5. */
  readonly threshold?: number | undefined;
}

export interface LabelMap {
  /** `[z, y, x]`; uint8 if all numbers fit. */
  readonly volume: Volume<Uint8Array | Uint16Array>;
  /** `undefined` if no two segments share a voxel. */
  readonly overlap: SegmentOverlap | undefined;
}

/** Voxels that belong to several segments, of which a label map can name only one. */
export interface SegmentOverlap {
  readonly voxels: number;
  /** Which segment won over which, and on how many voxels. */
  readonly between: readonly { readonly kept: number; readonly lost: number; readonly voxels: number }[];
  /** The same for a person. */
  readonly sentence: string;
}

export function labelMapOf(content: SegContent, { background = 0, threshold = 0.5 }: LabelMapOptions): LabelMap {
  const { type, segments, placed } = content;
  const numbers = segments.map(({ number }) => number);
  if (!Number.isInteger(background) || background < 0 || background > 65535 || taken(background, numbers)) {
    throw new ConfigError({
      found: `the background ${background}`,
      expected: `a whole number from 0 to 65535 that is none of the segments ${numbers.join(", ")}`,
    });
  }
  const length = voxelCount(placed.grid.shape);
  const out = Math.max(background, ...numbers) > 255 ? new Uint16Array(length) : new Uint8Array(length);
  if (background !== 0) out.fill(background);
  const overlaps = new Overlaps(content);
  if (type === "LABELMAP") fromLabelMap(content, out, background, overlaps);
  else fromSegments(content, out, background, type === "FRACTIONAL" ? threshold : 0, overlaps);
  return { volume: { data: out, ...placed.grid }, overlap: overlaps.summary() };
}

/** The number 0 may be a listed background as well. */
function taken(background: number, numbers: readonly number[]): boolean {
  return background !== 0 && numbers.includes(background);
}

function fromLabelMap(
  content: SegContent,
  out: Uint8Array | Uint16Array,
  background: number,
  overlaps: Overlaps,
): void {
  const { segments, frames, placed, stored, size, padding, file } = content;
  const known = new Set(segments.map(({ number }) => number));
  for (const { index } of frames) {
    forEachPixel(stored, index, size, placed.placements[index]!, (voxel, value) => {
      if (known.has(value)) {
        const before = out[voxel]!;
        if (value === 0 && before !== background) return;
        if (before !== background && before !== 0 && before !== value) overlaps.add(voxel, value, before);
        out[voxel] = value;
      } else if (value !== 0 && value !== padding) {
        throw new FormatError({
          file,
          found: `the value ${value} in a label map`,
          expected: `one of its segments ${[...known].join(", ")}${padding === undefined ? "" : `, or ${padding} for none`}`,
        });
      }
    });
  }
}

function fromSegments(
  content: SegContent,
  out: Uint8Array | Uint16Array,
  background: number,
  threshold: number,
  overlaps: Overlaps,
): void {
  const { frames, placed, stored, size, full, type } = content;
  const least = Math.max(1, threshold * full);
  /** For FRACTIONAL, the share that won so far. */
  const share = type === "FRACTIONAL" ? new Uint16Array(out.length) : undefined;
  for (const { index, segment } of [...frames].sort((a, b) => a.segment! - b.segment!)) {
    const number = segment!;
    forEachPixel(stored, index, size, placed.placements[index]!, (voxel, value) => {
      if (value < least) return;
      const before = out[voxel]!;
      if (before !== background && before !== number) {
        const loses = share !== undefined && value < share[voxel]!;
        overlaps.add(voxel, loses ? before : number, loses ? number : before);
        if (loses) return;
      }
      if (share !== undefined) share[voxel] = value;
      out[voxel] = number;
    });
  }
}

/** Counts who won over whom. */
class Overlaps {
  readonly #content: SegContent;
  readonly #pairs = new Map<number, number>();
  #shared: Uint8Array | undefined;
  #voxels = 0;

  constructor(content: SegContent) {
    this.#content = content;
  }

  add(voxel: number, kept: number, lost: number): void {
    this.#shared ??= new Uint8Array(voxelCount(this.#content.placed.grid.shape));
    if (this.#shared[voxel] === 0) this.#voxels += 1;
    this.#shared[voxel] = 1;
    const pair = kept * 65536 + lost;
    this.#pairs.set(pair, (this.#pairs.get(pair) ?? 0) + 1);
  }

  summary(): SegmentOverlap | undefined {
    if (this.#voxels === 0) return undefined;
    const between = [...this.#pairs]
      .map(([pair, voxels]) => ({ kept: Math.floor(pair / 65536), lost: pair % 65536, voxels }))
      .sort((a, b) => b.voxels - a.voxels);
    const name = (number: number) =>
      `${number} (${this.#content.segments.find((segment) => segment.number === number)?.label})`;
    const list = between.slice(0, 4).map(({ kept, lost, voxels }) => `${name(kept)} over ${name(lost)} on ${voxels}`);
    const more = between.length > 4 ? ` and ${between.length - 4} more pairs` : "";
    return {
      voxels: this.#voxels,
      between,
      sentence:
        `Segments overlap on ${this.#voxels} voxels, and a label map has room for one: ${list.join(", ")}${more}. ` +
        "Export single segments to keep all of them.",
    };
  }
}
