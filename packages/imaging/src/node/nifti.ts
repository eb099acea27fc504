/** NIfTI files on disk, for what only NIfTI says; as one of many formats they are read by read-image.ts. */
import { gunzipStart } from "../formats/gzip.js";
import { type NiftiHeader, niftiHeaderBytes, parseNiftiHeader } from "../formats/nifti/header.js";
import type { NiftiImage } from "../formats/nifti/read.js";
import { headerOfPair, readNiftiImage } from "../formats/nifti/source.js";
import { isGzip } from "../formats/sniff.js";
import { fileSource } from "./file-source.js";

/** Everything a NIfTI file says (see `readNifti`). @throws FileError, FormatError, GeometryError */
export async function readNiftiFile(path: string): Promise<NiftiImage> {
  return readNiftiImage(await fileSource(path));
}

/** The header alone, without reading the voxels (nor checking that they are all there). */
export async function readImageHeader(path: string): Promise<NiftiHeader> {
  const source = await fileSource(path);
  const header = (await headerOfPair(source)) ?? source;
  const start = await header.read(0, 1 << 16);
  return parseNiftiHeader(isGzip(start) ? gunzipStart(start, niftiHeaderBytes) : start, header.file);
}
