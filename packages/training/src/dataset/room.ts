/** How much room there is on a disk, and how much of it a folder takes. */
import { readdir, stat, statfs } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

/** Bytes free for this user where `target` is or is to be: on the disk of the nearest folder above it that exists. */
export async function freeSpace(target: string): Promise<number> {
  let folder = resolve(target);
  while ((await stat(folder).catch(() => undefined)) === undefined && dirname(folder) !== folder)
    folder = dirname(folder);
  const { bavail, bsize } = await statfs(folder);
  return bavail * bsize;
}

/** Bytes of all files in a folder and below it; none where there is no such folder. What comes and goes meanwhile does not matter. */
export async function spaceTaken(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map((entry) => stat(join(entry.parentPath, entry.name)).catch(() => undefined)),
  );
  return sizes.reduce((sum, found) => sum + (found?.size ?? 0), 0);
}
