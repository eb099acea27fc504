/**
 * NIfTI files → numbers and volumes. `readNifti` gives what the file says (any number of axes, its own units); `volumeOfNifti`
 * the 3D volume the rest of the project works with.
 */
import { FormatError } from "@rfmedsam/base";
import { formatShape } from "../../grid.js";
import type { Affine, Triple, Volume, VoxelArray } from "../../volume.js";
import { announcedLength, gunzipInto, gunzipStart, largestGzipRatio } from "../gzip.js";
import { narrowed } from "../scalars.js";
import { isGzip } from "../sniff.js";
import { type AssembledNifti, NiftiAssembler } from "./assemble.js";
import { type NiftiExtension, parseExtensions } from "./extensions.js";
import { type NiftiHeader, niftiHeaderBytes } from "./header.js";
import { scaledVoxels, storedVoxels } from "./voxels.js";

/** A NIfTI file's contents. */
export interface NiftiImage {
  readonly header: NiftiHeader;
  readonly extensions: readonly NiftiExtension[];
  /** x fastest (the file's order), scaled by slope and intercept. */
  readonly data: VoxelArray;
  /** The numbers as stored; the same array as `data` when the file asks for no scaling. */
  readonly stored: VoxelArray;
  /** What was odd but harmless, in words. */
  readonly warnings: readonly string[];
}

export interface ReadNiftiOptions {
  /** Named in errors. */
  readonly file?: string;
  /** For an `.hdr/.img` pair: the bytes of the `.img`, and its name. */
  readonly voxels?: Uint8Array;
  readonly voxelFile?: string;
}

/** Whether bytes are (the start of) a NIfTI file, compressed or not; needs about the first 4 kB. */
export function isNifti(bytes: Uint8Array): boolean {
  const start = isGzip(bytes) ? gunzipStart(bytes.subarray(0, 1 << 16), niftiHeaderBytes) : bytes;
  if (start.length < 348) return false;
  const magic = (at: number) => String.fromCharCode(...start.subarray(at, at + 3));
  const view = new DataView(start.buffer, start.byteOffset, start.byteLength);
  const sizes = [view.getInt32(0, true), view.getInt32(0, false)];
  if (sizes.includes(348)) return ["n+1", "ni1"].includes(magic(344));
  return sizes.includes(540) && ["n+2", "ni2"].includes(magic(4));
}

/**
 * Reads NIfTI-1 or -2, plain or gzip (by content), either byte order.
 *
 * @throws FormatError, GeometryError saying which field or which bytes are wrong
 */
export function readNifti(bytes: Uint8Array, options: ReadNiftiOptions = {}): NiftiImage {
  let assembled = assemble(bytes, options.file);
  if (assembled.header.container === "pair") {
    if (options.voxels === undefined) throw missingVoxelFile(options.file);
    assembled = assemble(options.voxels, options.voxelFile ?? options.file, assembled.header);
  }
  return imageOf(assembled, options.file);
}

/** The image of bytes that were collected by a `NiftiAssembler`. */
export function imageOf(assembled: AssembledNifti, file?: string): NiftiImage {
  const { header } = assembled;
  const around = aroundVoxels(assembled);
  const stored = storedVoxels(header, assembled.voxels, file);
  return { ...around, stored, data: scaledVoxels(stored, header.slope, header.inter) };
}

/** The same without the numbers as stored, in whose memory the scaled ones then are where they fit: a volume is not held twice. */
export function scaledImageOf(assembled: AssembledNifti, file?: string): Omit<NiftiImage, "stored"> {
  const { header } = assembled;
  const around = aroundVoxels(assembled);
  const stored = storedVoxels(header, assembled.voxels, file);
  return { ...around, data: scaledVoxels(stored, header.slope, header.inter, { overwrite: true }) };
}

function aroundVoxels({ header, between, surplus }: AssembledNifti): Omit<NiftiImage, "stored" | "data"> {
  const warnings = [...header.warnings];
  const extensions = parseExtensions(between, header.littleEndian, warnings);
  if (surplus > 0) warnings.push(`${surplus} bytes after the last voxel are ignored`);
  return { header, extensions, warnings };
}

/** The error for a pair's header whose voxels are nowhere. */
export function missingVoxelFile(file?: string): FormatError {
  return new FormatError({
    file,
    found: "the header of an .hdr/.img pair without its .img",
    expected: "both files side by side",
    hint: "copy the .img file next to the .hdr file",
  });
}

/**
 * The volume of a 3D image. Further axes of length 1 are dropped, a 2D image becomes one slice, 64-bit integers become int32 (or
 * float64) when no value changes, and the affine is in mm whatever the file's unit.
 *
 * @throws FormatError if the file holds several channels or time points
 */
export function volumeOfNifti(image: Pick<NiftiImage, "header" | "data">, { file }: { file?: string } = {}): Volume {
  const channels = channelCount(image.header);
  if (channels > 1) {
    throw new FormatError({
      file,
      found: `${channels} channels or time points (${formatShape(image.header.dims)} voxels, x first)`,
      expected: "one 3D image",
      hint: "save one file per channel, named …_0000.nii.gz, …_0001.nii.gz",
    });
  }
  return { data: narrowed(image.data), ...gridOfNifti(image.header) };
}

/** One volume per channel or time point, the last axis slowest; one volume for a 3D image. */
export function splitNiftiChannels(image: NiftiImage): Volume[] {
  const grid = gridOfNifti(image.header);
  const count = grid.shape[0] * grid.shape[1] * grid.shape[2];
  return Array.from({ length: channelCount(image.header) }, (_, channel) => ({
    data: narrowed(image.data.slice(channel * count, (channel + 1) * count) as VoxelArray),
    ...grid,
  }));
}

/** Shape `[z, y, x]` and affine (mm) of a file, from its header alone. */
export function gridOfNifti(header: NiftiHeader): { shape: Triple; affine: Affine } {
  const [x, y = 1, z = 1] = header.dims;
  const perUnit = header.spaceUnit === "meter" ? 1000 : header.spaceUnit === "micron" ? 0.001 : 1;
  const affine =
    perUnit === 1 ? header.affine : header.affine.map((value, index) => (index < 12 ? value * perUnit : value));
  return { shape: [z, y, x!], affine };
}

/** How many 3D images the file holds. */
export function channelCount(header: NiftiHeader): number {
  return header.dims.slice(3).reduce((product, size) => product * size, 1);
}

function assemble(bytes: Uint8Array, file?: string, pairHeader?: NiftiHeader): AssembledNifti {
  if (!isGzip(bytes)) {
    const plain = new NiftiAssembler({ file, available: bytes.length, announced: bytes.length, pairHeader });
    plain.push(bytes);
    return plain.finish();
  }
  const available = bytes.length * largestGzipRatio;
  const packed = new NiftiAssembler({ file, available, announced: announcedLength(bytes), pairHeader });
  gunzipInto(bytes, (piece) => packed.push(piece), file);
  return packed.finish();
}
