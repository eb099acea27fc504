/** Pictures on disk. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { readFileOrExplain, writeFileAtomic } from "@rfmedsam/base/node";
import { decodeMask, decodePicture, type MaskPicture } from "../formats/picture/decode.js";
import { isJpeg } from "../formats/picture/jpeg.js";
import { encodeGreyPng, encodePng, type GreyPicture } from "../formats/picture/png.js";
import type { RgbPicture } from "../picture.js";

/**
 * The picture in a PNG or JPEG file (see `decodePicture`).
 *
 * @throws FileError if the file is missing or not readable; FormatError for its content
 */
export async function readPicture(file: string): Promise<RgbPicture> {
  const bytes = await readFileOrExplain(file, "check the path");
  return decodePicture(bytes, { file, jpegWasm: isJpeg(bytes) ? await jpegWasm() : undefined });
}

/** The mask in a PNG file (see `decodeMask`). @throws as `readPicture` */
export async function readMask(file: string): Promise<MaskPicture> {
  return decodeMask(await readFileOrExplain(file, "check the path"), { file });
}

/** Writes a picture in colours, or one of grey values (masks, labels), as PNG, whole or not at all. */
export function writePng(file: string, picture: RgbPicture | GreyPicture): Promise<void> {
  const grey = picture.data.length === picture.width * picture.height;
  return writeFileAtomic(file, grey ? encodeGreyPng(picture as GreyPicture) : encodePng(picture as RgbPicture));
}

let loaded: Promise<Uint8Array> | undefined;

/** The JPEG decoder's code: Node cannot fetch files, so it is read for it. */
export function jpegWasm(): Promise<Uint8Array> {
  loaded ??= readFile(createRequire(import.meta.url).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"));
  return loaded;
}
