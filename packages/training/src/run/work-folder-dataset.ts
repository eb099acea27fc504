/** What a run remembers of its data set, to tell when it goes on whether the data are still the same, and if not, which file is not. */
import { open } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { Dataset } from "../dataset/nnunet.js";

export interface DatasetState {
  readonly labels: Dataset["labels"];
  readonly channelNames: Dataset["channelNames"];
  /** By folder and name, so that the data set may move. */
  readonly files: Readonly<Record<string, FileState>>;
}

interface FileState {
  readonly bytes: number;
  /** ms since 1970. */
  readonly modified: number;
  /** The checksum a gzip file ends with, of its contents: tells a copy from a changed file. */
  readonly crc: string | null;
}

/** Looks at every file of a data set, reading a few bytes of each. @throws FileError when one is missing */
export async function datasetState({ training, labels, channelNames }: Dataset): Promise<DatasetState> {
  const files: Record<string, FileState> = {};
  for (const { images, labels: labelFile } of training) {
    for (const file of labelFile === undefined ? images : [...images, labelFile]) {
      files[join(basename(dirname(file)), basename(file))] = await stateOf(file);
    }
  }
  return { labels, channelNames, files };
}

async function stateOf(file: string): Promise<FileState> {
  try {
    const handle = await open(file, "r");
    try {
      const { size, mtimeMs } = await handle.stat();
      const [start, end] = [Buffer.alloc(2), Buffer.alloc(8)];
      await handle.read(start, 0, 2, 0);
      await handle.read(end, 0, 8, Math.max(0, size - 8));
      // Ends of no contents close files of several parts (bgzip), and say nothing of the parts before.
      const told = start[0] === 0x1f && start[1] === 0x8b && end.readUInt32LE(4) > 0;
      return { bytes: size, modified: Math.round(mtimeMs), crc: told ? end.toString("hex") : null };
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileErrorOf(cause, file);
  }
}

const listedAtMost = 5;

/** What is different, in words for a person; nothing if nothing is. */
export function datasetChanges(before: DatasetState, now: DatasetState): string[] {
  const changes: string[] = [];
  for (const key of ["labels", "channelNames"] as const) {
    const [old, present] = [JSON.stringify(before[key]), JSON.stringify(now[key])];
    if (old !== present) changes.push(`${key} of dataset.json (were ${old}, are ${present})`);
  }
  const names = [...new Set([...Object.keys(before.files), ...Object.keys(now.files)])].sort();
  const files = names.flatMap((name) => changeOf(name, before.files[name], now.files[name]) ?? []);
  changes.push(...files.slice(0, listedAtMost));
  if (files.length > listedAtMost) changes.push(`${files.length - listedAtMost} more`);
  return changes;
}

function changeOf(name: string, before: FileState | undefined, now: FileState | undefined): string | undefined {
  if (before === undefined) return `${name} (new)`;
  if (now === undefined) return `${name} (no longer there)`;
  if (before.bytes !== now.bytes) return `${name} (had ${before.bytes} bytes, has ${now.bytes})`;
  if (before.modified === now.modified || (before.crc !== null && before.crc === now.crc)) return undefined;
  return `${name} (modified on ${new Date(now.modified).toISOString()})`;
}
