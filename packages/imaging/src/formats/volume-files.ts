/**
 * Volumes → the bytes of files, the format by the name's ending. A new format is one row of `writers`; the bytes come piece by piece, so
 * that neither a converted nor a packed copy of the voxels is held.
 */
import { ConfigError, joinBytes } from "@rfmedsam/base";
import { zlibSync } from "fflate";
import type { Volume } from "../volume.js";
import type { Packing } from "./byte-source.js";
import { gzip } from "./gzip.js";
import { metaImageHeader } from "./metaimage/write.js";
import { encodeNifti } from "./nifti/write.js";
import { nrrdHeader } from "./nrrd/write.js";
import { bytesAs, type ScalarName, scalarNameOf } from "./scalars.js";
import { assertWritable } from "./writable.js";

export interface WriteVolumeOptions {
  /** Element type in the file; by default the volume's own. */
  readonly dtype?: ScalarName | undefined;
  /** Up to 79 Latin-1 characters, for NIfTI. */
  readonly description?: string | undefined;
  /** Pack the voxels. By default `.nii.gz`, `.nrrd` and `.mhd` are packed, `.nii` and `.mha` not. */
  readonly compress?: boolean | undefined;
}

/** A file to be written: parts one after the other. */
export interface EncodedFile {
  readonly name: string;
  readonly parts: readonly { readonly packing: Packing; readonly bytes: Iterable<Uint8Array> }[];
}

type Writer = (volume: Volume, name: string, options: WriteVolumeOptions) => EncodedFile[];

const nifti =
  (packed: boolean): Writer =>
  (volume, name, { dtype, description, compress = packed }) => {
    const { header, voxels } = encodeNifti(volume, { ...(dtype && { dtype }), ...(description && { description }) });
    const bytes = (function* () {
      yield header;
      yield* voxels;
    })();
    return [{ name, parts: [{ packing: compress ? "gzip" : "raw", bytes }] }];
  };

const nrrd: Writer = (volume, name, { dtype = scalarNameOf(volume.data), compress = true }) => {
  const header = new TextEncoder().encode(nrrdHeader(volume, dtype, compress));
  const voxels = { packing: compress ? ("gzip" as const) : ("raw" as const), bytes: bytesAs(volume.data, dtype) };
  return [{ name, parts: [{ packing: "raw", bytes: [header] }, voxels] }];
};

const mha: Writer = (volume, name, { dtype = scalarNameOf(volume.data), compress = false }) => {
  // ITK reads packed voxels behind a header only if it says how many bytes they are, which is known when they are written.
  if (compress) {
    throw new ConfigError({
      file: name,
      found: "packed voxels in an .mha",
      expected: "an .mha without packing",
      hint: "write .mhd, .nrrd or .nii.gz instead",
    });
  }
  const header = new TextEncoder().encode(metaImageHeader(volume, dtype, false, "LOCAL"));
  return [
    {
      name,
      parts: [
        { packing: "raw", bytes: [header] },
        { packing: "raw", bytes: bytesAs(volume.data, dtype) },
      ],
    },
  ];
};

const mhd: Writer = (volume, name, { dtype = scalarNameOf(volume.data), compress = true }) => {
  const dataFile = `${name.slice(0, name.lastIndexOf("."))}.${compress ? "zraw" : "raw"}`;
  const header = new TextEncoder().encode(metaImageHeader(volume, dtype, compress, dataFile));
  // The voxels first: a header is never there without them.
  return [
    { name: dataFile, parts: [{ packing: compress ? "zlib" : "raw", bytes: bytesAs(volume.data, dtype) }] },
    { name, parts: [{ packing: "raw", bytes: [header] }] },
  ];
};

const writers: readonly { readonly ending: string; readonly encode: Writer }[] = [
  { ending: ".nii.gz", encode: nifti(true) },
  { ending: ".nii", encode: nifti(false) },
  { ending: ".nrrd", encode: nrrd },
  { ending: ".mha", encode: mha },
  { ending: ".mhd", encode: mhd },
];

/** Endings a volume can be written with, longest first. */
export const writableEndings: readonly string[] = writers.map(({ ending }) => ending);

/**
 * The files that hold a volume under a name: one, or data and header for `.mhd`.
 *
 * @param name without a folder
 * @throws ConfigError for an ending that is none of `writableEndings`, a packed `.mha`, and while the bytes are taken for a voxel that does not fit `dtype`;
 *   GeometryError
 */
export function encodeVolume(volume: Volume, name: string, options: WriteVolumeOptions = {}): EncodedFile[] {
  const writer = writers.find(({ ending }) => name.toLowerCase().endsWith(ending));
  if (writer === undefined) {
    throw new ConfigError({ file: name, found: "a name for no volume format", expected: writableEndings.join(", ") });
  }
  assertWritable(volume);
  return writer.encode(volume, name, options);
}

/** The same as whole bytes in memory, by name. @throws as `encodeVolume` */
export function volumeToBytes(
  volume: Volume,
  name: string,
  options: WriteVolumeOptions = {},
): Record<string, Uint8Array> {
  const pack = { raw: (bytes: Uint8Array) => bytes, gzip, zlib: (bytes: Uint8Array) => zlibSync(bytes) } as const;
  return Object.fromEntries(
    encodeVolume(volume, name, options).map((file) => [
      file.name,
      joinBytes(file.parts.map(({ packing, bytes }) => pack[packing](joinBytes([...bytes])))),
    ]),
  );
}
