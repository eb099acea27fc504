/** Files a command is about to write: whether they can be is known before the work, and none that is there is touched unasked. */
import { existsSync } from "node:fs";
import { dirname } from "node:path";
import { FileError } from "@rfmedsam/base";
import { assertWritableFolder } from "@rfmedsam/base/node";

/** @throws FileError when one of them exists, or their folder can be neither used nor made */
export async function refuseExisting(files: readonly string[], overwrite: boolean | undefined): Promise<void> {
  for (const folder of new Set(files.map((file) => dirname(file)))) await assertWritableFolder(folder);
  const there = overwrite ? [] : files.filter((file) => existsSync(file));
  if (there.length === 0) return;
  throw new FileError({
    file: there[0],
    found: `exists already${there.length > 1 ? `, as do ${there.length - 1} more of the files to be written` : ""}`,
    hint: "choose another output folder, or add --overwrite to replace the files",
  });
}
