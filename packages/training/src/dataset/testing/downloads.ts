/** Small copies of the folders that data sets are downloaded as, and where they are converted. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect } from "vitest";
import { convertDataset } from "../convert/convert.js";
import { save, save4d, smallImage, smallLabels } from "./small-volumes.js";

export const span = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => String(first + n).padStart(4, "0"));

/** `Training` and `Testing` of the abdomen, all 30 labelled scans unless said otherwise. */
export async function layBtcv(root: string, numbers = [...span(1, 10), ...span(21, 40)], tests = span(61, 63)) {
  for (const number of numbers) {
    await save(join(root, `Training/img/img${number}.nii.gz`), smallImage(Number(number)));
    await save(join(root, `Training/label/label${number}.nii.gz`), smallLabels(0, 1, Number(number) % 14));
  }
  for (const number of tests) await save(join(root, `Testing/img/img${number}.nii.gz`), smallImage(Number(number)));
}

export async function layAmos(root: string, parts: Readonly<Record<"Tr" | "Va" | "Ts", readonly string[]>>) {
  for (const [part, numbers] of Object.entries(parts)) {
    await mkdir(join(root, `images${part}`), { recursive: true });
    await mkdir(join(root, `labels${part}`), { recursive: true });
    for (const number of numbers) {
      await save(join(root, `images${part}/amos_${number}.nii.gz`), smallImage(Number(number)));
      if (part !== "Ts") await save(join(root, `labels${part}/amos_${number}.nii.gz`), smallLabels(0, 15));
    }
  }
}

/** A Decathlon task of two cases and a test case, with `channels` channels. */
export async function layTask(root: string, channels: number, change: Readonly<Record<string, unknown>> = {}) {
  const image = (seed: number) => Array.from({ length: channels }, (_, n) => smallImage(10 * seed + n));
  for (const [seed, name] of ["imagesTr/p_00.nii.gz", "imagesTr/p_07.nii.gz", "imagesTs/p_03.nii.gz"].entries()) {
    if (channels > 1) await save4d(join(root, name), image(seed));
    else await save(join(root, name), image(seed)[0]!);
  }
  await save(join(root, "labelsTr/p_00.nii.gz"), smallLabels(0, 1));
  await save(join(root, "labelsTr/p_07.nii.gz"), smallLabels(0, 2, 1));
  for (const junk of ["imagesTr/._p_00.nii.gz", "labelsTr/._p_00.nii.gz", "._dataset.json"])
    await writeFile(join(root, junk), "Mac OS X");
  const description = {
    name: "PROSTATE",
    description: "zones",
    tensorImageSize: channels > 1 ? "4D" : "3D",
    modality: Object.fromEntries(["T2", "ADC", "DWI"].slice(0, channels).map((name, n) => [n, name])),
    labels: { "0": "background", "1": "PZ", "2": "TZ" },
    numTraining: 2,
    training: ["p_00", "p_07"].map((id) => ({ image: `./imagesTr/${id}.nii.gz`, label: `./labelsTr/${id}.nii.gz` })),
    test: ["./imagesTs/p_03.nii.gz"],
    ...change,
  };
  await writeFile(join(root, "dataset.json"), JSON.stringify(description));
}

/**
 * An empty folder for every test of a file.
 *
 * @returns paths in it, and a conversion into `out` that must fail: its error; nothing but the download may be there after it
 */
export function conversionFolder() {
  let folder: string;
  const at = (...names: string[]) => join(folder, ...names);
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "convert-dataset-"));
  });
  afterEach(() => rm(folder, { recursive: true }));
  async function refused(kind: string, source: string, options = {}): Promise<Error & { file?: string }> {
    const before = await readdir(folder);
    const error = await convertDataset(kind, source, at("out"), options).catch((caught: unknown) => caught);
    expect(await readdir(folder)).toEqual(before);
    return error as Error & { file?: string };
  }
  return { at, refused };
}
