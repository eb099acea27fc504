/**
 * A folder of phantoms in nnU-Net's raw data set layout:
 *
 *   dataset.json
 *   imagesTr/phantom_001_0000.nii.gz …   labelsTr/phantom_001.nii.gz …
 *   imagesTs/phantom_021_0000.nii.gz …   labelsTs/phantom_021.nii.gz …   (held out)
 *
 * The folder appears whole or not at all, and the same seed gives the same bytes.
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { type CancelSignal, ConfigError, FileError, type Progress, silent, throwIfCancelled } from "@rfmedsam/base";
import { writeFolderAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { writeVolume } from "@rfmedsam/imaging/node";
import { defaultOrgans, labelNumbers } from "./organs.js";
import { makePhantom, type PhantomOptions } from "./phantom.js";

export interface PhantomDatasetOptions extends PhantomOptions {
  /** Cases to train on. */
  readonly cases: number;
  /** Held-out cases, with their labels in `labelsTs`. */
  readonly test: number;
  readonly seed: number;
  /** `name` in dataset.json; the folder's own name unless given. */
  readonly name?: string;
}

/**
 * Makes a data set of phantoms.
 *
 * @param folder the data set's folder, e.g. `Dataset900_Phantom`; must not exist
 * @throws FileError when the folder exists or cannot be written, ConfigError for wrong options, InterruptedError on request;
 *   nothing is left behind
 */
export async function writePhantomDataset(
  folder: string,
  options: PhantomDatasetOptions,
  progress: Progress = silent,
  signal?: CancelSignal,
): Promise<void> {
  const { cases, test, seed, name = basename(folder), ...phantom } = options;
  checkCounts(cases, test, seed);
  await refuseExisting(folder);
  const total = cases + test;
  const digits = Math.max(3, String(total).length);
  await writeFolderAtomic(folder, async (temporary) => {
    for (let index = 0; index < total; index++) {
      throwIfCancelled(signal, "nothing was written; run the command again");
      progress({ stage: "making phantoms", done: index, total });
      const id = `phantom_${String(index + 1).padStart(digits, "0")}`;
      const part = index < cases ? "Tr" : "Ts";
      const { image, labels } = makePhantom(phantom, [seed, index]);
      await writeVolume(join(temporary, `images${part}`, `${id}_0000.nii.gz`), image);
      await writeVolume(join(temporary, `labels${part}`, `${id}.nii.gz`), labels);
    }
    throwIfCancelled(signal, "nothing was written; run the command again");
    await writeJsonAtomic(join(temporary, "dataset.json"), describe(name, cases, seed, phantom));
  });
  progress({ stage: "making phantoms", done: total, total });
}

function describe(name: string, numTraining: number, seed: number, phantom: PhantomOptions) {
  const { modality = "ct", organs = defaultOrgans } = phantom;
  return {
    channel_names: { "0": modality === "ct" ? "CT" : "MRI" },
    labels: labelNumbers(organs),
    numTraining,
    file_ending: ".nii.gz",
    name,
    description: `Procedural ${modality.toUpperCase()}-like phantoms of the abdomen, seed ${seed}. No patient data.`,
  };
}

function checkCounts(cases: number, test: number, seed: number): void {
  const counts = { cases, test, seed };
  for (const [name, count] of Object.entries(counts)) {
    if (!Number.isSafeInteger(count) || count < 0) {
      throw new ConfigError({ found: `${name} = ${count}`, expected: "a whole number from 0" });
    }
  }
  if (cases + test === 0) {
    throw new ConfigError({ found: "a data set of no phantoms", expected: "at least one case to train or test on" });
  }
}

async function refuseExisting(folder: string): Promise<void> {
  const there = await stat(folder).then(
    () => true,
    () => false,
  );
  if (!there) return;
  throw new FileError({ file: folder, found: "exists already", hint: "choose another name or remove it first" });
}
