/**
 * AMOS22 (NeurIPS 2022): 15 abdominal organs in 500 CTs and 100 MRIs that lie in the same folders. Its readme says that numbers below
 * 500 are CT; 500 itself is one too (HU down to −1024), which makes the 500 + 100 that the paper counts. Values are those of its
 * dataset.json, whose names are corrected ("arota") and brought to BTCV's ("postcava" is the inferior vena cava).
 */
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { DatasetError } from "@rfmedsam/base";
import * as z from "zod";
import { readJson } from "../nnunet.js";
import { type DatasetKind, filesByNumber, findRoot, isFolder, numbered, obtainHint, type SourceCase } from "./kind.js";

const organs = [
  "spleen",
  "right kidney",
  "left kidney",
  "gallbladder",
  "esophagus",
  "liver",
  "stomach",
  "aorta",
  "inferior vena cava",
  "pancreas",
  "right adrenal gland",
  "left adrenal gland",
  "duodenum",
  "bladder",
  "prostate or uterus",
];

const lastCt = 500;
const pattern = /^amos_(\d{4})\.nii(?:\.gz)?$/;

interface Modality {
  readonly title: string;
  readonly channel: string;
  /** How many scans are published. */
  readonly published: Readonly<Record<"training" | "validation" | "test", number>>;
  holds(number: string): boolean;
}

const ct: Modality = {
  title: "CT",
  channel: "CT",
  published: { training: 200, validation: 100, test: 200 },
  holds: (number) => Number(number) <= lastCt,
};
const mr: Modality = {
  title: "MR",
  channel: "MRI",
  published: { training: 40, validation: 20, test: 40 },
  holds: (number) => Number(number) > lastCt,
};

export const amosCt = amos(ct);
export const amosMr = amos(mr);

function amos(modality: Modality): DatasetKind {
  const becomes = { channelNames: [modality.channel], labels: numbered(organs) };
  return {
    title: `AMOS22, the ${modality.title} scans: 15 abdominal organs`,
    layout:
      "amos22/imagesTr/amos_0001.nii.gz, amos22/labelsTr/amos_0001.nii.gz, the same in imagesVa and labelsVa, amos22/imagesTs, amos22/dataset.json",
    obtain: "https://zenodo.org/records/7262581 (amos22.zip)",
    licence:
      "CC BY 4.0 on Zenodo; the paper's page names a non-commercial one, so read both before you publish or sell",
    becomes,
    async plan(source, kind) {
      const root = await findRoot(
        source,
        ["", "amos22", "amos22/amos22", "AMOS22"],
        ["imagesTr", "labelsTr", "imagesVa", "labelsVa"],
        kind,
      );
      const listed = await listedNumbers(root, kind);
      const part = (images: string, labels: string | undefined, more: readonly string[]) =>
        casesOf(root, images, labels, more, modality);
      const training = await part("imagesTr", "labelsTr", listed.training);
      const validation = await part("imagesVa", "labelsVa", listed.validation);
      const test = (await isFolder(join(root, "imagesTs"))) ? await part("imagesTs", undefined, listed.test) : [];
      if (training.length + validation.length === 0) {
        throw new DatasetError({
          file: root,
          found: `no ${modality.title} scans`,
          expected: `numbers ${modality === ct ? `up to ${lastCt}` : `above ${lastCt}`}, such as amos_${modality === ct ? "0001" : "0507"}.nii.gz`,
          hint: obtainHint(kind),
        });
      }
      const ids = (cases: readonly SourceCase[]) => cases.map(({ id }) => id);
      return {
        name: `AMOS22 ${modality.title}`,
        description: `Abdominal ${modality.title} of several hospitals and scanners; AMOS (Ji et al., NeurIPS 2022)`,
        ...becomes,
        training: [...training, ...validation],
        test,
        split: {
          folds: [{ train: ids(training), val: ids(validation) }],
          source: "AMOS' own training and validation cases",
        },
        notes: shortfall(modality, { training, validation, test }),
      };
    },
  };
}

async function casesOf(
  root: string,
  images: string,
  labels: string | undefined,
  listed: readonly string[],
  { holds }: Modality,
): Promise<SourceCase[]> {
  const imageFiles = await filesByNumber(join(root, images), pattern);
  const labelFiles = labels === undefined ? undefined : await filesByNumber(join(root, labels), pattern);
  const numbers = new Set([...listed, ...imageFiles.keys(), ...(labelFiles?.keys() ?? [])].filter(holds));
  const named = (folder: string, number: string) => join(root, folder, `amos_${number}.nii.gz`);
  return [...numbers].sort().map((number) => ({
    id: `amos_${number}`,
    images: [imageFiles.get(number) ?? named(images, number)],
    labels: labels === undefined ? undefined : (labelFiles?.get(number) ?? named(labels, number)),
  }));
}

const entry = z.union([z.string(), z.looseObject({ image: z.string() })]);
const description = z.looseObject({
  labels: z.record(z.string(), z.string()).optional(),
  training: z.array(entry).default([]),
  validation: z.array(entry).default([]),
  test: z.array(entry).default([]),
});

/** The scans that the download's own dataset.json counts up, where there is one. */
async function listedNumbers(
  root: string,
  kind: DatasetKind,
): Promise<Record<"training" | "validation" | "test", readonly string[]>> {
  const file = join(root, "dataset.json");
  if ((await stat(file).catch(() => undefined)) === undefined) return { training: [], validation: [], test: [] };
  const parsed = description.safeParse(await readJson(file));
  const values = Object.keys(parsed.data?.labels ?? {}).length;
  if (!parsed.success || (parsed.data.labels !== undefined && values !== organs.length + 1)) {
    throw new DatasetError({
      file,
      found: parsed.success ? `${values} labels` : "something else than lists of scans",
      expected: `AMOS' own: background and ${organs.length} organs, training, validation, test`,
      hint: obtainHint(kind),
    });
  }
  const numbers = (list: readonly z.infer<typeof entry>[]) =>
    list.flatMap((each) => pattern.exec(basename(typeof each === "string" ? each : each.image))?.[1] ?? []);
  const { training, validation, test } = parsed.data;
  return { training: numbers(training), validation: numbers(validation), test: numbers(test) };
}

function shortfall(
  { published }: Modality,
  here: Record<keyof Modality["published"], readonly SourceCase[]>,
): string[] {
  return Object.entries(published).flatMap(([part, count]) => {
    const found = here[part as keyof typeof here].length;
    return found === count ? [] : `${found} ${part} scans; ${count} are published`;
  });
}
