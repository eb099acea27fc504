/**
 * Masks as run lengths, in COCO's two forms. Pixels are counted column by column (down, then right), runs alternate between outside
 * and inside, and the first is outside (0 when the first pixel is inside).
 *
 *   uncompressed   { size: [height, width], counts: [3, 2, 7] }
 *   compressed     { size: [height, width], counts: "327" }      differences to the run two before, five bits a character
 *
 * Source: pycocotools, maskApi.c (`rleToString`, `rleFrString`).
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import type { MaskBox } from "./nms.js";

/** A mask in COCO's uncompressed form. */
export interface MaskRle {
  readonly size: readonly [height: number, width: number];
  /** Lengths of the runs; they add up to height × width. */
  readonly counts: readonly number[];
}

/** A mask in COCO's compressed form. */
export interface CompressedRle {
  readonly size: readonly [height: number, width: number];
  readonly counts: string;
}

/** Where a mask lies in a larger picture. */
export interface MaskPlace {
  /** `[height, width]` of the picture. */
  readonly size: readonly [height: number, width: number];
  /** Column and row of the mask's first pixel in it. */
  readonly offset: readonly [x: number, y: number];
}

/** Runs are counted in 32 bits, here as in pycocotools. */
const mostPixels = 2 ** 31 - 1;

/**
 * @param mask `[height, width]`, 0 outside, anything else inside
 * @param place the picture the mask is a crop of; outside the crop there is nothing
 * @param box where to look, in pixels of the mask, when that is known: everything inside lies in it
 * @throws GeometryError when the sizes do not fit
 */
export function encodeRle(
  mask: Uint8Array,
  [height, width]: readonly [height: number, width: number],
  { size = [height, width], offset = [0, 0] }: Partial<MaskPlace> = {},
  box: MaskBox = [0, 0, width - 1, height - 1],
): MaskRle {
  const [fullHeight, fullWidth] = size;
  checkSize(size);
  const fits = offset[0] >= 0 && offset[1] >= 0 && offset[0] + width <= fullWidth && offset[1] + height <= fullHeight;
  if (mask.length !== height * width || !fits) {
    throw new GeometryError({
      found: `a mask of ${mask.length} values for ${height}×${width} pixels at column ${offset[0]}, row ${offset[1]}`,
      expected: `a mask that lies within the picture's ${fullHeight}×${fullWidth} pixels`,
    });
  }
  const [left, top, right, bottom] = box;
  // Only where the box reaches from the picture's head to its foot can a run go on from one column to the next.
  const unbroken = offset[1] + top === 0 && offset[1] + bottom === fullHeight - 1;
  const counts: number[] = [];
  let start = 0;
  let inside = false;
  const turnAt = (position: number) => {
    counts.push(position - start);
    start = position;
    inside = !inside;
  };
  for (let x = left; x <= right; x++) {
    const column = (offset[0] + x) * fullHeight + offset[1];
    for (let y = top, at = top * width + x; y <= bottom; y++, at += width) {
      if ((mask[at] !== 0) !== inside) turnAt(column + y);
    }
    if (inside && !(unbroken && x < right)) turnAt(column + bottom + 1);
  }
  const rest = fullHeight * fullWidth - start;
  if (rest > 0) counts.push(rest);
  return { size: [fullHeight, fullWidth], counts };
}

/**
 * @returns `[height, width]`, 1 inside
 * @throws FormatError for runs that do not add up to the picture, GeometryError for a size that is none
 */
export function decodeRle({ size, counts }: MaskRle): Uint8Array {
  checkRuns(size, counts);
  const [height, width] = size;
  const mask = new Uint8Array(height * width);
  let position = 0;
  counts.forEach((count, run) => {
    const end = position + count;
    if (run % 2 === 1) {
      let x = Math.floor(position / height);
      let y = position - x * height;
      for (let n = 0; n < count; n++) {
        mask[y * width + x] = 1;
        if (++y === height) [x, y] = [x + 1, 0];
      }
    }
    position = end;
  });
  return mask;
}

/** Pixels inside the mask. */
export function areaOfRle({ counts }: MaskRle): number {
  let area = 0;
  for (let run = 1; run < counts.length; run += 2) area += counts[run]!;
  return area;
}

/** Characters stand for numbers of six bits from "0" on: five of the number, the sixth for "there is more". */
const firstCharacter = 48;

/**
 * The compressed form, character for character as pycocotools writes it.
 *
 * @throws as `decodeRle`
 */
export function compressRle({ size, counts }: MaskRle): CompressedRle {
  checkRuns(size, counts);
  let text = "";
  counts.forEach((count, run) => {
    let rest = run > 2 ? count - counts[run - 2]! : count;
    for (let more = true; more; ) {
      const bits = rest & 0x1f;
      rest >>= 5;
      more = (bits & 0x10) !== 0 ? rest !== -1 : rest !== 0;
      text += String.fromCharCode(firstCharacter + bits + (more ? 0x20 : 0));
    }
  });
  return { size, counts: text };
}

/**
 * The runs behind a compressed form.
 *
 * @throws FormatError for text that is no such form or does not fill the picture, GeometryError for a size that is none
 */
export function decompressRle({ size, counts: text }: CompressedRle): MaskRle {
  const counts: number[] = [];
  for (let at = 0; at < text.length; ) {
    let value = 0;
    for (let shift = 0, more = true; more; shift += 5) {
      const character = text.charCodeAt(at++) - firstCharacter;
      // Seven characters hold 35 bits: more than a run of 32 bits can need. NaN is the end of the text.
      if (!(character >= 0 && character < 0x40) || shift > 30) {
        throw new FormatError({
          found: `run lengths with ${at > text.length ? "a number cut off at the end" : `"${text[at - 1]}" at position ${at - 1}`}`,
          expected: "COCO's compressed run lengths",
        });
      }
      value |= (character & 0x1f) << shift;
      more = (character & 0x20) !== 0;
      if (!more && (character & 0x10) !== 0 && shift <= 25) value |= -1 << (shift + 5);
    }
    counts.push(counts.length > 2 ? value + counts[counts.length - 2]! : value);
  }
  checkRuns(size, counts);
  return { size, counts };
}

function checkSize([height, width]: readonly [number, number]): void {
  const sized = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (!sized || height * width > mostPixels) {
    throw new GeometryError({
      found: `a mask of ${height}×${width} pixels`,
      expected: `at least one and at most ${mostPixels} pixels`,
    });
  }
}

function checkRuns(size: MaskRle["size"], counts: readonly number[]): void {
  checkSize(size);
  const wrong = counts.find((count) => !Number.isInteger(count) || count < 0);
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (wrong !== undefined || total !== size[0] * size[1]) {
    throw new FormatError({
      found: wrong === undefined ? `runs of ${total} pixels together` : `a run of ${wrong} pixels`,
      expected: `runs that fill ${size[0]}×${size[1]} pixels`,
    });
  }
}
