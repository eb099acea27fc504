/** Files a command is about to write: none that is there already is touched unless asked for. */
import { existsSync } from "node:fs";
import { FileError } from "@rfmedsam/base";

/** @throws FileError when one of them exists */
export function refuseExisting(files: readonly string[], overwrite: boolean | undefined): void {
  const there = overwrite ? [] : files.filter((file) => existsSync(file));
  if (there.length === 0) return;
  throw new FileError({
    file: there[0],
    found: `exists already${there.length > 1 ? `, as do ${there.length - 1} more of the files to be written` : ""}`,
    hint: "choose another output folder, or add --overwrite to replace the files",
  });
}
