/**
 * One file of a download into the converted data set, as `.nii.gz`, without looking at its voxels: linked or copied when it is packed
 * already, packed on the way when it is not.
 */
import { constants, createReadStream } from "node:fs";
import { copyFile, link, open, realpath } from "node:fs/promises";
import { dirname } from "node:path";
import { pipeline } from "node:stream";
import { createGzip } from "node:zlib";
import { fileErrorOf, makeFolder, writeFileAtomic } from "@rfmedsam/base/node";

/** What the file system answers when it cannot link: another disk, no links, too many of them. */
const unlinkable = new Set(["EXDEV", "EPERM", "EMLINK", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"]);

/**
 * @param linked a hard link where the disk allows: no room is needed, but whoever changes one file in place changes both
 * @throws FileError, ResourceError when the disk is full
 */
export async function placeFile(source: string, target: string, linked: boolean): Promise<void> {
  if (!(await isPacked(source))) {
    await writeFileAtomic(target, packed(source));
    return;
  }
  try {
    await makeFolder(dirname(target));
    // The file itself, where the download is made of symbolic links.
    const original = await realpath(source);
    if (linked && (await tryLink(original, target))) return;
    await copyFile(original, target, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await flush(target);
  } catch (cause) {
    throw fileErrorOf(cause, (cause as NodeJS.ErrnoException).code === "ENOENT" ? source : target);
  }
}

/** By content: there are downloads whose `.nii.gz` is not packed. */
async function isPacked(file: string): Promise<boolean> {
  try {
    const handle = await open(file, "r");
    try {
      const start = new Uint8Array(2);
      await handle.read(start, 0, 2, 0);
      return start[0] === 0x1f && start[1] === 0x8b;
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileErrorOf(cause, file);
  }
}

async function* packed(file: string): AsyncGenerator<Uint8Array, void, void> {
  const stream = pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), createGzip(), () => {});
  for await (const piece of stream) yield piece as Uint8Array;
}

async function tryLink(source: string, target: string): Promise<boolean> {
  try {
    await link(source, target);
    return true;
  } catch (cause) {
    if (unlinkable.has((cause as NodeJS.ErrnoException).code ?? "")) return false;
    throw cause;
  }
}

async function flush(file: string): Promise<void> {
  const handle = await open(file, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
