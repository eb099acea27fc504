/**
 * One way to read a volume, whatever its format: the file's content says what it is, never its name. A new format is one row of
 * `imageFormats`. DICOM comes from whole folders and is read on Node (node/read-image.ts).
 */
import { FormatError } from "@rfmedsam/base";
import type { Volume } from "../volume.js";
import type { ByteSource } from "./byte-source.js";
import { isMetaImage } from "./metaimage/header.js";
import { readMetaImage } from "./metaimage/read.js";
import { isNifti } from "./nifti/read.js";
import { readNiftiSource } from "./nifti/source.js";
import { isNrrd } from "./nrrd/header.js";
import { readNrrd } from "./nrrd/read.js";
import { isJpeg } from "./picture/jpeg.js";
import { isPng } from "./picture/png.js";
import { readPictureVolume } from "./picture/volume.js";
import { describeBytes, isGzip } from "./sniff.js";
import { isTiff, readTiff } from "./tiff/read.js";

export type FormatName = "nifti" | "nrrd" | "metaimage" | "dicom" | "png" | "jpeg" | "tiff";

/** What a file or folder turned out to hold. */
export interface ImageFile {
  readonly volume: Volume;
  readonly format: FormatName;
  /** Sentences: what is unusual, and what was done about it. */
  readonly warnings: readonly string[];
  /** What else the format knows: version, modality, series, segments … */
  readonly description?: Readonly<Record<string, string | number>>;
}

/** What formats with codecs of their own need from where they run. */
export interface DecoderParts {
  /** The JPEG decoder's WebAssembly code; needed only where it cannot be fetched from beside the script. */
  readonly jpegWasm?: () => Promise<Uint8Array>;
}

interface ImageFormat {
  readonly name: FormatName;
  /** @param start the first `sniffedBytes`, or all there are */
  recognises(start: Uint8Array): boolean;
  read(source: ByteSource, parts: DecoderParts): Promise<Omit<ImageFile, "format">>;
}

/** Enough for every format to be known by, a compressed NIfTI's header included. */
export const sniffedBytes = 1 << 16;

export const imageFormats: readonly ImageFormat[] = [
  { name: "nifti", recognises: isNifti, read: readNiftiSource },
  { name: "nrrd", recognises: isNrrd, read: readNrrd },
  { name: "metaimage", recognises: isMetaImage, read: readMetaImage },
  { name: "png", recognises: isPng, read: readPictureVolume },
  { name: "jpeg", recognises: isJpeg, read: readPictureVolume },
  { name: "tiff", recognises: isTiff, read: readTiff },
];

/**
 * The volume in a file's bytes.
 *
 * @throws FormatError, GeometryError saying which field or which bytes are wrong
 */
export async function readImageSource(source: ByteSource, parts: DecoderParts = {}): Promise<ImageFile> {
  const start = await source.read(0, sniffedBytes);
  const format = imageFormats.find(({ recognises }) => recognises(start)) ?? likelyNifti(source.file, start);
  if (format === undefined) throw notAnImage(start, source.file);
  return { format: format.name, ...(await format.read(source, parts)) };
}

/** A file that is named as NIfTI, or packed as only NIfTI is, gets the NIfTI reader's words on what is wrong with it. */
function likelyNifti(file: string | undefined, start: Uint8Array): ImageFormat | undefined {
  const named = /\.(nii|hdr|img)(\.gz)?$/i.test(file ?? "");
  return named || isGzip(start) ? imageFormats.find(({ name }) => name === "nifti") : undefined;
}

function notAnImage(start: Uint8Array, file: string | undefined): FormatError {
  return new FormatError({
    file,
    found: `not a volume: it ${describeBytes(start)}`,
    expected: "NIfTI (.nii, .nii.gz), NRRD, MetaImage (.mha, .mhd), DICOM, PNG, JPEG or TIFF",
    hint: "convert the image to one of these first",
  });
}
