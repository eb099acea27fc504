/** The cases of a study: those a model has not learned from, if anybody knows, and only those that fit the model. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError, DatasetError, FormatError, someOf } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { assertKnown, type CaseFilter } from "@rfmedsam/metrics/node";
import type { ModelManifest } from "@rfmedsam/segmenter";
import { type HeldOut, heldOut } from "../../dataset/held-out.js";
import { type CaseFiles, type Dataset, readDataset } from "../../dataset/nnunet.js";

export interface CaseChoice {
  /** Which training cases, by a split's fold; without it the held-out ones (imagesTs with labelsTs) are taken, else all. */
  readonly only?: CaseFilter | undefined;
  /** At most so many, the first by name. */
  readonly cases?: number | undefined;
  /** Told when a model may have learned from the cases, and which held-out ones cannot be measured. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export interface StudyCases {
  readonly dataset: Dataset;
  readonly cases: readonly CaseFiles[];
  /** What the result has to say about the choice. */
  readonly facts: readonly { readonly name: string; readonly value: string }[];
}

/**
 * @throws FileError, ConfigError and DatasetError as `readDataset`; DatasetError when no case is left or the fold has cases that are not
 *   there, ConfigError for a wrong count
 */
export async function studyCases(folder: string, { only, cases: most, onNote }: CaseChoice): Promise<StudyCases> {
  if (most !== undefined && !(Number.isInteger(most) && most > 0)) {
    throw new ConfigError({ found: `${most} cases`, expected: "a whole number of at least 1" });
  }
  const dataset = await readDataset(folder);
  const all = dataset.training;
  const ids = all.map(({ id }) => id);
  assertKnown(only, ids, folder);
  const { labelled, unlabelled, imageless } = only === undefined ? await heldOut(dataset) : noHeldOut;
  const left = [
    { of: "held-out cases without labels", names: unlabelled },
    { of: "held-out labels without an image", names: imageless },
  ]
    .filter(({ names }) => names.length > 0 && labelled.length > 0)
    .map(({ of, names }) => ({
      name: `${of}, not measured`,
      value: `${names.length}: ${someOf(names, listedAtMost)}`,
    }));
  if (only === undefined && labelled.length === 0) {
    onNote?.(
      "The data set has no held-out cases with labels (imagesTs, labelsTs) and no split was given: all training cases are measured, and a " +
        "model may have learned from them.",
    );
  }
  for (const { name, value } of left) onNote?.(`${name[0]!.toUpperCase()}${name.slice(1)} (${value}).`);
  const found = only !== undefined ? all.filter(({ id }) => only(id)) : labelled.length > 0 ? labelled : all;
  if (found.length === 0) {
    throw new DatasetError({
      file: folder,
      found: "none of the chosen cases",
      expected: "training cases whose names are in the split",
      hint: "check the names in the split against the names of the files",
    });
  }
  const sorted = [...found].sort((a, b) => (a.id < b.id ? -1 : 1));
  return { dataset, cases: sorted.slice(0, most), facts: left };
}

const listedAtMost = 8;

const noHeldOut: HeldOut = { labelled: [], unlabelled: [], imageless: [] };

/**
 * Tells of measured cases that bear names of those a model says it was trained on. A model that does not say is believed.
 *
 * @returns what the result has to say about it
 */
export async function noteLearnedCases(
  model: string,
  cases: readonly CaseFiles[],
  onNote: CaseChoice["onNote"],
): Promise<StudyCases["facts"]> {
  const file = join(model, "training.json");
  if (!existsSync(file)) return [];
  const learned = new Set(trainedCases(new TextDecoder().decode(await readFileOrExplain(file)), file));
  const both = cases.map(({ id }) => id).filter((id) => learned.has(id));
  if (both.length === 0) return [];
  const named = someOf(both, listedAtMost);
  onNote?.(
    `The model was trained on ${both.length} of the ${cases.length} measured cases (${named}): it looks better on them than on others.`,
  );
  return [{ name: "measured cases that the model was trained on", value: `${both.length}: ${named}` }];
}

function trainedCases(text: string, file: string): readonly string[] {
  let found: {
    readonly cases?: readonly string[];
    readonly division?: { readonly leftOut?: readonly string[][] };
  } | null;
  try {
    found = JSON.parse(text);
  } catch (cause) {
    throw new FormatError({ file, found: "this is not JSON", expected: "what training wrote", cause });
  }
  // Earlier versions wrote which were left out of each fold alone: with two folds or more, all.
  return found?.cases ?? found?.division?.leftOut?.flat() ?? [];
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
