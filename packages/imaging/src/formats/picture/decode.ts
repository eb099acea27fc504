/** Pictures from the bytes of a file; what it is, its first bytes say, not its name. */
import { FormatError } from "@rfmedsam/base";
import type { RgbPicture } from "../../picture.js";
import { describeBytes } from "../sniff.js";
import { decodeJpeg, isJpeg } from "./jpeg.js";
import { decodePng, decodePngSamples, isPng } from "./png.js";

export interface DecodePictureOptions {
  /** Named in errors. */
  readonly file?: string | undefined;
  /** The JPEG decoder's WebAssembly code; needed only where it cannot be fetched from beside the script. */
  readonly jpegWasm?: Uint8Array | undefined;
}

/** Whether the bytes begin as a picture that can be read: PNG or JPEG. */
export function isPicture(bytes: Uint8Array): boolean {
  return isPng(bytes) || isJpeg(bytes);
}

/**
 * A PNG or JPEG picture as 8-bit RGB. Grey becomes three equal colours, 16-bit samples are rounded to 8, transparency is dropped, and no
 * orientation is applied: what Pillow's `convert("RGB")` gives for 8-bit files.
 *
 * @throws FormatError when it is neither, damaged, cut short, or claims to be larger than a picture may be
 */
export async function decodePicture(
  bytes: Uint8Array,
  { file, jpegWasm }: DecodePictureOptions = {},
): Promise<RgbPicture> {
  if (isPng(bytes)) return decodePng(bytes, file);
  if (isJpeg(bytes)) return decodeJpeg(bytes, file, jpegWasm);
  throw new FormatError({ file, found: `it ${describeBytes(bytes)}`, expected: "a PNG or JPEG picture" });
}

/** A mask: 1 where the object is. */
export interface MaskPicture {
  readonly height: number;
  readonly width: number;
  /** `[height, width]`, 0 and 1. */
  readonly data: Uint8Array;
}

/**
 * A PNG file as a mask: every pixel whose stored values (or whose index into the palette) are not all 0 belongs to the object;
 * transparency does not count.
 *
 * @throws FormatError also for JPEG, whose losses blur a mask's edges
 */
export function decodeMask(bytes: Uint8Array, { file }: { readonly file?: string | undefined } = {}): MaskPicture {
  if (!isPng(bytes)) {
    throw new FormatError({
      file,
      found: `it ${describeBytes(bytes)}`,
      expected: "a mask as PNG: 0 is background, everything else the object",
    });
  }
  const { height, width, channels, data } = decodePngSamples(bytes, file);
  const colours = channels >= 3 ? 3 : 1;
  const mask = new Uint8Array(height * width);
  for (let at = 0; at < mask.length; at++) {
    for (let colour = 0; colour < colours; colour++) if (data[at * channels + colour] !== 0) mask[at] = 1;
  }
  return { height, width, data: mask };
}
