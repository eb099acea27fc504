/** Where the results of others lie that tests are held against: the folder `RFMEDSAM_SHARED`, by default `../shared` beside the repository. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const repository = resolve(fileURLToPath(import.meta.url), "../../../../..");
const folder = process.env.RFMEDSAM_SHARED ?? join(repository, "../shared");

/** A path inside the shared folder. @throws Error if nothing is there: a missing folder fails a test and never skips it */
export function sharedPath(...parts: readonly string[]): string {
  const path = join(folder, ...parts);
  if (!existsSync(path)) throw new Error(`${path} is missing: set RFMEDSAM_SHARED to the folder of reference results`);
  return path;
}
