/** Making folders. */
import { mkdir, open, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { FileError } from "../errors.js";
import { outputErrorOf } from "./files.js";

/**
 * A folder, with those above it that are missing. Not `mkdir` with `recursive`: that never ends where a folder is there and refuses with
 * "no such file", as `/proc` does.
 *
 * @returns the topmost folder that was made; none when it was there already
 * @throws FileError where it cannot be made, ResourceError when the disk is full
 */
export async function makeFolder(folder: string): Promise<string | undefined> {
  const path = resolve(folder);
  const refusal = await makeOne(path);
  if (refusal === undefined) return path;
  if (await isFolder(path)) return undefined;
  if (refusal.code !== "ENOENT" || dirname(path) === path) throw await folderErrorOf(refusal, path);
  const above = await makeFolder(dirname(path));
  const again = await makeOne(path);
  if (again === undefined) return above ?? path;
  // Another process may have been faster.
  if (await isFolder(path)) return above;
  if (again.code !== "ENOENT") throw await folderErrorOf(again, path);
  throw new FileError({
    file: path,
    found: `no folder can be made in ${dirname(path)}`,
    hint: "choose a place on a disk",
    cause: again,
  });
}

/**
 * Whether results can be written into a folder that is there or can be made, before hours of work for them. Leaves nothing behind.
 *
 * @throws as `makeFolder`, and FileError where no file can be written in it
 */
export async function assertWritableFolder(folder: string): Promise<void> {
  const path = resolve(folder);
  const topmost = await makeFolder(path);
  const probe = join(path, `.rfmedsam-${process.pid}.part`);
  try {
    await (await open(probe, "w")).close();
  } catch (cause) {
    throw outputErrorOf(cause, path);
  } finally {
    await rm(probe, { force: true }).catch(() => {});
    if (topmost !== undefined) await removeEmpty(path, topmost);
  }
}

/** The folders from `path` up to `topmost`, as far as they are empty. */
async function removeEmpty(path: string, topmost: string): Promise<void> {
  for (let each = path; ; each = dirname(each)) {
    const removed = await rmdir(each).then(
      () => true,
      () => false, // another process has put something there
    );
    if (!removed || each === topmost) return;
  }
}

async function makeOne(path: string): Promise<NodeJS.ErrnoException | undefined> {
  return mkdir(path).then(
    () => undefined,
    (refusal: NodeJS.ErrnoException) => refusal,
  );
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false, // whatever it is, it is no folder that can be used
  );
}

/** A file in the way is named: itself there, or one of those above. */
async function folderErrorOf(refusal: NodeJS.ErrnoException, path: string): Promise<Error> {
  if (refusal.code !== "EEXIST" && refusal.code !== "ENOTDIR") return outputErrorOf(refusal, path);
  let inTheWay = path;
  while (refusal.code === "ENOTDIR" && dirname(inTheWay) !== inTheWay) {
    inTheWay = dirname(inTheWay);
    if ((await stat(inTheWay).catch(() => undefined)) !== undefined) break;
  }
  return new FileError({
    file: inTheWay,
    found: "is not a folder",
    expected: inTheWay === path ? "a folder for the output" : `a folder, for ${path}`,
    hint: "choose another output folder, or move this file away",
    cause: refusal,
  });
}
