/** DICOM files on disk: one multi-frame file, a list of files, or a folder with everything below it. */
import { opendir, readFile, stat } from "node:fs/promises";
import { createRequire } from "node:module";
import { join, relative } from "node:path";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { LoadWasm } from "../formats/dicom/codecs/webassembly.js";
import { type DicomImage, decodeDicomSources, listDicomSeries } from "../formats/dicom/decode.js";
import { type ImageHeader, readImageHeader } from "../formats/dicom/image-header.js";
import type { DicomSeries } from "../formats/dicom/series.js";
import type { DicomSource } from "../formats/dicom/source.js";
import { readRange } from "./file-source.js";

export interface ReadDicomOptions {
  /** Which series of a folder: its place in `listSeries` (from 1) or its `SeriesInstanceUID`. */
  readonly series?: number | string | undefined;
}

/**
 * The volume in a DICOM file, a folder of them (with its subfolders), or a list of files. Headers are read first, then pixels file by
 * file; files that are not DICOM are left out with a warning.
 *
 * @throws FileError if the path is missing or holds no DICOM file; else as `decodeDicomSeries`
 */
export async function readDicom(path: string | readonly string[], options: ReadDicomOptions = {}): Promise<DicomImage> {
  if (typeof path !== "string")
    return decodeFiles(
      path.map((file) => ({ path: file, name: file })),
      options,
    );
  const stats = await stat(path).catch((cause: unknown) => {
    throw fileErrorOf(cause, path, "check the path");
  });
  if (stats.isDirectory()) return readDicomFolder(path, options);
  return decodeFiles([{ path, name: path }], options, path);
}

/** The volume of a folder's only series, or of the chosen one. @throws as `readDicom` */
export async function readDicomFolder(folder: string, options: ReadDicomOptions = {}): Promise<DicomImage> {
  return decodeFiles(await filesBelow(folder), options, folder);
}

/** The series in a folder and its subfolders, in the order in which `series: NUMBER` counts them. */
export async function listSeries(folder: string): Promise<DicomSeries[]> {
  return listDicomSeries(await sourcesOf(await filesBelow(folder)));
}

/** What a DICOM file says about itself. @throws FormatError if it is damaged, FileError */
export async function dicomHeaderOf(path: string): Promise<ImageHeader> {
  return readImageHeader(await sourceOfFile({ path, name: path }));
}

interface NamedFile {
  readonly path: string;
  readonly name: string;
}

async function decodeFiles(
  files: readonly NamedFile[],
  { series }: ReadDicomOptions,
  where?: string,
): Promise<DicomImage> {
  return decodeDicomSources(await sourcesOf(files), { series, where, loadWasm });
}

/** Deeper than any export goes; a loop of mounts would go on for ever. */
const deepest = 16;

/** Regular files, by name; links are not followed. */
async function filesBelow(folder: string): Promise<NamedFile[]> {
  const found: NamedFile[] = [];
  const walk = async (path: string, depth: number): Promise<void> => {
    if (depth > deepest) throw new FileError({ file: path, found: `more than ${deepest} folders inside each other` });
    try {
      for await (const entry of await opendir(path)) {
        const inner = join(path, entry.name);
        if (entry.isDirectory()) await walk(inner, depth + 1);
        else if (entry.isFile()) found.push({ path: inner, name: relative(folder, inner) });
      }
    } catch (cause) {
      throw fileErrorOf(cause, path, "check the path");
    }
  };
  await walk(folder, 0);
  return found.sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function sourcesOf(files: readonly NamedFile[]): Promise<DicomSource[]> {
  const sources: DicomSource[] = [];
  for (const file of files) sources.push(await sourceOfFile(file));
  return sources;
}

async function sourceOfFile({ path, name }: NamedFile): Promise<DicomSource> {
  try {
    const { size } = await stat(path);
    return { name, size, read: (from, to) => readRange(path, from, Math.max(0, Math.min(to, size) - from)) };
  } catch (cause) {
    throw fileErrorOf(cause, path, "check the path");
  }
}

/** Where each decoder keeps its code; Node cannot fetch files, so it is read for it. */
const codeOf: Readonly<Record<Parameters<LoadWasm>[0], string>> = {
  jpeg: "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm",
  "jpeg-ls": "@cornerstonejs/codec-charls/decodewasm",
  "jpeg-2000": "@cornerstonejs/codec-openjpeg/decodewasm",
};

const require = createRequire(import.meta.url);
const loaded = new Map<string, Promise<Uint8Array>>();

/** For `decodeDicomSeries` in Node: the decoders' WebAssembly, read once. */
export const loadWasm: LoadWasm = (codec) => {
  const code = loaded.get(codec) ?? readFile(require.resolve(codeOf[codec]));
  loaded.set(codec, code);
  return code;
};
