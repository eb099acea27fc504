/** What lies in a data set's folder by name alone: cases, what they lack, and files that nothing refers to. Nothing is refused here. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { type ChannelFiles, groupChannels, listFolder } from "@rfmedsam/imaging/node";
import { type DatasetDescription, layoutHint, readDescription } from "../nnunet.js";

/** Of the layout's folders: `Tr` is trained on, `Ts` is not. */
export type Part = "Tr" | "Ts";

export interface CaseEntry {
  readonly id: string;
  readonly part: Part;
  /** By channel number. */
  readonly images: ChannelFiles;
  readonly labels: string | undefined;
}

export interface Inventory {
  readonly folder: string;
  readonly description: DatasetDescription;
  readonly cases: readonly CaseEntry[];
  /** Label files without an image. */
  readonly orphans: readonly string[];
  /** Files in the layout's folders that no rule of naming makes part of a case. */
  readonly strays: readonly string[];
}

/** @throws FileError, DatasetError, ConfigError when there is no dataset.json to hold the folder against, or no imagesTr and labelsTr */
export async function takeInventory(folder: string): Promise<Inventory> {
  const description = await readDescription(folder);
  const parts = await Promise.all([partOf(folder, "Tr", description), partOf(folder, "Ts", description)]);
  return {
    folder,
    description,
    cases: parts.flatMap(({ cases }) => cases),
    orphans: parts.flatMap(({ orphans }) => orphans),
    strays: parts.flatMap(({ strays }) => strays),
  };
}

async function partOf(
  folder: string,
  part: Part,
  { fileEnding }: DatasetDescription,
): Promise<Pick<Inventory, "cases" | "orphans" | "strays">> {
  const names = async (kind: "images" | "labels") => {
    const path = join(folder, `${kind}${part}`);
    // Test cases are optional; a data set to train on has both folders.
    if (part === "Ts" && (await stat(path).catch(() => undefined)) === undefined) return [];
    return (await listFolder(path, layoutHint)).map((name) => join(path, name));
  };
  const [images, labels] = [await names("images"), await names("labels")];
  const grouped = groupChannels(images, [fileEnding]);
  const labelOf = new Map(
    labels.filter((file) => file.endsWith(fileEnding)).map((file) => [caseOfLabels(file, fileEnding), file] as const),
  );
  const inCases = new Set([...grouped.values()].flatMap((channels) => [...channels.values()]));
  return {
    cases: [...grouped].map(([id, channels]) => ({ id, part, images: channels, labels: labelOf.get(id) })),
    orphans: [...labelOf].filter(([id]) => !grouped.has(id)).map(([, file]) => file),
    strays: [...images.filter((file) => !inCases.has(file)), ...labels.filter((file) => !file.endsWith(fileEnding))],
  };
}

function caseOfLabels(file: string, ending: string): string {
  return file.slice(Math.max(file.lastIndexOf("/"), file.lastIndexOf("\\")) + 1, -ending.length);
}
