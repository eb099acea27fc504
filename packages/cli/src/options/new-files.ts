/** Files a command is about to write: whether they can be is known before the work, and none that is there is touched unasked. */
import { accessSync, constants, existsSync, statSync } from "node:fs";
import { dirname } from "node:path";
import { FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";

/** @throws FileError when one of them exists, or their folder can be neither used nor made */
export function refuseExisting(files: readonly string[], overwrite: boolean | undefined): void {
  for (const folder of new Set(files.map((file) => dirname(file)))) checkFolder(folder);
  const there = overwrite ? [] : files.filter((file) => existsSync(file));
  if (there.length === 0) return;
  throw new FileError({
    file: there[0],
    found: `exists already${there.length > 1 ? `, as do ${there.length - 1} more of the files to be written` : ""}`,
    hint: "choose another output folder, or add --overwrite to replace the files",
  });
}

/** A folder that is not there yet is made in the nearest one that is. */
function checkFolder(folder: string): void {
  const hint = "choose another output folder";
  let nearest = folder;
  while (!existsSync(nearest) && dirname(nearest) !== nearest) nearest = dirname(nearest);
  try {
    if (!statSync(nearest).isDirectory()) throw new FileError({ file: nearest, found: "is not a folder", hint });
    accessSync(nearest, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw fileErrorOf(cause, nearest, hint);
  }
}
