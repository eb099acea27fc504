/** Random numbers of a case: the same for the same seed and names, on every machine and in any order of the cases. */
import { Random } from "@rfmedsam/base";

export const streamOf = (seed: number, ...names: readonly string[]): Random =>
  new Random(seed, ...[...names.join("\n")].map((letter) => letter.codePointAt(0)!));
