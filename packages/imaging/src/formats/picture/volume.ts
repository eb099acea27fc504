/** A PNG or JPEG picture as a volume of one slice. */
import type { Volume } from "../../volume.js";
import type { ByteSource } from "../byte-source.js";
import type { DecoderParts, ImageFile } from "../image-file.js";
import { decodePicture } from "./decode.js";
import { luma } from "./luma.js";
import { decodePngSamples, isPng } from "./png.js";

/**
 * Voxels of 1 mm whose axes point to the patient's left and back (LPS), as ITK places a picture: rows run down, columns to the right, as
 * an axial slice is shown.
 */
export const pictureAffine = [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1] as const;
export const pictureSpacingWarning = "a picture has no voxel size: taken as 1 mm";
export const colourWarning = "colours are read as grey (luma)";

/** Grey PNG keeps its 8 or 16 bits; colours become grey. @throws FormatError as `decodePicture` */
export async function readPictureVolume(
  source: ByteSource,
  { jpegWasm }: DecoderParts = {},
): Promise<Omit<ImageFile, "format">> {
  const { file } = source;
  const bytes = await source.read(0, source.size);
  const png = isPng(bytes) ? decodePngSamples(bytes, file) : undefined;
  if (png !== undefined && png.channels < 3 && png.palette === undefined) {
    const data = png.channels === 1 ? png.data : png.data.filter((_, at) => at % 2 === 0);
    return slice(data, png, [], { stored: `grey, ${png.depth} bits` });
  }
  const wasm = png === undefined ? await jpegWasm?.() : undefined;
  const picture = await decodePicture(bytes, { file, jpegWasm: wasm });
  const { grey, wasGrey } = luma(new Uint8Array(picture.data.buffer, picture.data.byteOffset, picture.data.length), 3);
  const notes = wasGrey ? [] : [colourWarning];
  if (png !== undefined && png.depth === 16) notes.push("16-bit colours are read with 8 bits");
  return slice(grey, picture, notes, { stored: wasGrey ? "grey, 8 bits" : "colours, 8 bits" });
}

function slice(
  data: Uint8Array | Uint16Array,
  { width, height }: { readonly width: number; readonly height: number },
  notes: readonly string[],
  description: Readonly<Record<string, string>>,
): Omit<ImageFile, "format"> {
  const volume: Volume = { data, shape: [1, height, width], affine: pictureAffine };
  return { volume, warnings: [pictureSpacingWarning, ...notes], description };
}
