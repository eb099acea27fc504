/** The cases of a study: those a model has not learned from, if anybody knows, and only those that fit the model. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, DatasetError } from "@rfmedsam/base";
import type { ModelManifest } from "@rfmedsam/segmenter";
import { type CaseFiles, type Dataset, listCases, readDataset } from "../../dataset/nnunet.js";

export interface CaseChoice {
  /** Which training cases, by a split's fold; without it the held-out ones (imagesTs with labelsTs) are taken, else all. */
  readonly only?: ((id: string) => boolean) | undefined;
  /** At most so many, the first by name. */
  readonly cases?: number | undefined;
  /** Told when a model may have learned from the cases. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface StudyCases {
  readonly dataset: Dataset;
  readonly cases: readonly CaseFiles[];
}

/** @throws FileError, ConfigError and DatasetError as `readDataset`; DatasetError when no case is left, ConfigError for a wrong count */
export async function studyCases(folder: string, { only, cases: most, onNote }: CaseChoice): Promise<StudyCases> {
  if (most !== undefined && !(Number.isInteger(most) && most > 0)) {
    throw new ConfigError({ found: `${most} cases`, expected: "a whole number of at least 1" });
  }
  const dataset = await readDataset(folder);
  const held = only === undefined ? await heldOut(dataset) : dataset.training.filter(({ id }) => only(id));
  if (held === undefined) {
    onNote?.(
      "The data set has no held-out cases with labels (imagesTs, labelsTs) and no split was given: all training cases are measured, and a " +
        "model may have learned from them.",
    );
  }
  const found = held ?? dataset.training;
  if (found.length === 0) {
    throw new DatasetError({
      file: folder,
      found: "none of the chosen cases",
      expected: "training cases whose names are in the split",
      hint: "check the names in the split against the names of the files",
    });
  }
  const sorted = [...found].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { dataset, cases: sorted.slice(0, most) };
}

/** @returns undefined where there are none with labels */
export async function heldOut({ folder, fileEnding, channelNames }: Dataset): Promise<CaseFiles[] | undefined> {
  const [images, labels] = [join(folder, "imagesTs"), join(folder, "labelsTs")];
  if (!existsSync(images) || !existsSync(labels)) return undefined;
  return listCases(images, fileEnding, channelNames.length, labels);
}

/** Whether a model can be measured on a data set. @throws ConfigError when labels or channels differ */
export function assertFits(
  { folder, labels, channelNames }: Dataset,
  manifest: Pick<ModelManifest, "labels" | "channelNames">,
): void {
  const described = (names: Readonly<Record<string, number>>) =>
    Object.entries(names)
      .sort(([, a], [, b]) => a - b)
      .map(([name, value]) => `${value} ${name}`)
      .join(", ");
  if (described(labels) !== described(manifest.labels)) {
    throw new ConfigError({
      file: folder,
      found: `labels ${described(labels)}`,
      expected: `the model's: ${described(manifest.labels)}`,
      hint: "a model is measured on data with the labels it was trained for",
    });
  }
  if (channelNames.length !== manifest.channelNames.length) {
    throw new ConfigError({
      file: folder,
      found: `${channelNames.length} channels: ${channelNames.join(", ")}`,
      expected: `the model's ${manifest.channelNames.length}: ${manifest.channelNames.join(", ")}`,
    });
  }
}
