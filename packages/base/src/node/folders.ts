/** Making folders. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { FileError } from "../errors.js";
import { fileErrorOf } from "./files.js";

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
  if (refusal.code !== "ENOENT" || dirname(path) === path) throw fileErrorOf(refusal, path);
  const above = await makeFolder(dirname(path));
  const again = await makeOne(path);
  if (again === undefined) return above ?? path;
  // Another process may have been faster.
  if (await isFolder(path)) return above;
  if (again.code !== "ENOENT") throw fileErrorOf(again, path);
  throw new FileError({
    file: path,
    found: `no folder can be made in ${dirname(path)}`,
    hint: "choose a place on a disk",
    cause: again,
  });
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
