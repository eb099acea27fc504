/**
 * What a converter of a published data set is: it looks at the download and says which cases there are to be; `convert.ts` does the
 * rest (is everything there, do the headers fit, copy). A new data set is a file with its row in `kinds.ts`.
 */
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { DatasetError, someOf } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { Fold } from "@rfmedsam/metrics/node";

/** One case of a download. */
export interface SourceCase {
  /** Its name in the converted data set; keeps the original number. */
  readonly id: string;
  /** A file a channel, or one 4D file that holds them all. */
  readonly images: readonly string[];
  readonly labels: string | undefined;
}

/** The data set that a download is to become. Files are named, not yet looked for. */
export interface ConversionPlan {
  readonly name: string;
  readonly description: string;
  readonly channelNames: readonly string[];
  /** Name → value, background first. */
  readonly labels: Readonly<Record<string, number>>;
  readonly training: readonly SourceCase[];
  readonly test: readonly SourceCase[];
  /** The published division of the training cases, and whose it is. */
  readonly split: { readonly folds: readonly Fold[]; readonly source: string } | undefined;
  /** Sentences the user should read. */
  readonly notes: readonly string[];
}

export interface DatasetKind {
  /** What it is, in half a line. */
  readonly title: string;
  /** What the download looks like. */
  readonly layout: string;
  /** Where its owners give it out. */
  readonly obtain: string;
  /** What they ask for. */
  readonly licence: string;
  /** What every data set of this kind is made into, where the kind is one data set. */
  readonly becomes?: Pick<ConversionPlan, "channelNames" | "labels"> | undefined;
  /** @throws DatasetError, FileError when `source` is something else */
  plan(source: string, kind: DatasetKind): Promise<ConversionPlan>;
}

/** What to do about a download that is not as it should be. */
export const obtainHint = ({ obtain, licence }: DatasetKind): string =>
  `the data set is given out at ${obtain}; licence: ${licence}`;

/**
 * The first of some folders that holds all of `parts`, under `source`.
 *
 * @throws DatasetError when none does
 */
export async function findRoot(
  source: string,
  prefixes: readonly string[],
  parts: readonly string[],
  kind: DatasetKind,
): Promise<string> {
  for (const prefix of prefixes) {
    const root = join(source, prefix);
    const there = await Promise.all(parts.map((part) => isFolder(join(root, part))));
    if (there.every(Boolean)) return root;
  }
  throw await notThere(source, `no ${parts.join(" and ")} in it`, kind);
}

/** The error for a folder that is not the download. */
export async function notThere(source: string, found: string, kind: DatasetKind): Promise<DatasetError> {
  let names: string[];
  try {
    names = await readdir(source);
  } catch (cause) {
    throw fileErrorOf(cause, source, obtainHint(kind));
  }
  const content = names.length === 0 ? "it is empty" : `it holds ${someOf(names.sort(), 6)}`;
  return new DatasetError({
    file: source,
    found: `${found} (${content})`,
    expected: kind.layout,
    hint: obtainHint(kind),
  });
}

export async function isFolder(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isDirectory() ?? false;
}

/** Numbers 1, 2, 3, … for the names given, 0 for the background. */
export function numbered(names: readonly string[]): Record<string, number> {
  return Object.fromEntries([["background", 0], ...names.map((name, index) => [name, index + 1] as const)]);
}

/**
 * The NIfTI files of a folder whose name `pattern` finds, by what its first group is; hidden files (`._…`, which macOS leaves in
 * archives) and others are passed over.
 */
export async function filesByNumber(folder: string, pattern: RegExp): Promise<Map<string, string>> {
  const files = new Map<string, string>();
  for (const name of (await readdir(folder)).sort()) {
    const number = pattern.exec(name)?.[1];
    if (number !== undefined && !name.startsWith(".")) files.set(number, join(folder, name));
  }
  return files;
}
