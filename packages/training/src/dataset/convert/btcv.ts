/**
 * BTCV ("Beyond the Cranial Vault", MICCAI 2015), the abdomen: 30 labelled and 20 unlabelled portal-venous CTs. Numbers and names of
 * the 13 organs are the challenge's own (Synapse syn3193805, wiki 217789). The download is `Abdomen/RawData.zip`; the folders
 * `averaged-training-images` of the same project are another challenge's heart MRIs and are refused.
 */
import { basename, join } from "node:path";
import { DatasetError } from "@rfmedsam/base";
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
  "portal vein and splenic vein",
  "pancreas",
  "right adrenal gland",
  "left adrenal gland",
];

const span = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, index) => String(first + index).padStart(4, "0"));

/** The labelled scans. */
const published = [...span(1, 10), ...span(21, 40)];

/** The 12 that papers on the "Synapse" variant (18/12) test on. */
const heldOut = new Set(
  ["0001", "0002", "0003", "0004", "0008", "0022", "0025", "0029", "0032", "0035", "0036", "0038"].map(caseId),
);

/** Where people unpack the archive. */
const prefixes = ["", "RawData", "Abdomen", "Abdomen/RawData", "RawData/RawData", "Abdomen/RawData/RawData"];

function caseId(number: string): string {
  return `btcv_${number}`;
}

const becomes = { channelNames: ["CT"], labels: numbered(organs) };

export const btcv: DatasetKind = {
  title: "BTCV abdomen: 13 organs in CT, 30 cases",
  layout:
    "RawData/Training/img/img0001.nii.gz, RawData/Training/label/label0001.nii.gz, …, RawData/Testing/img/img0061.nii.gz, …",
  obtain: "https://www.synapse.org/Synapse:syn3193805 (join the challenge, then Abdomen/RawData.zip)",
  licence: "the challenge's terms of use, which every user agrees to on Synapse; not to be redistributed",
  becomes,
  async plan(source, kind) {
    await refuseHearts(source, kind);
    const root = await findRoot(source, prefixes, ["Training/img", "Training/label"], kind);
    const [imageFolder, labelFolder] = [join(root, "Training/img"), join(root, "Training/label")];
    const images = await filesByNumber(imageFolder, /^img(\d{4})\.nii(?:\.gz)?$/);
    const labels = await filesByNumber(labelFolder, /^label(\d{4})\.nii(?:\.gz)?$/);
    const numbers = [...new Set([...published, ...images.keys(), ...labels.keys()])].sort();
    const training = numbers.map((number) => ({
      id: caseId(number),
      images: [images.get(number) ?? join(imageFolder, `img${number}.nii.gz`)],
      labels: labels.get(number) ?? join(labelFolder, `label${number}.nii.gz`),
    }));
    const { test, note } = await testCases(root);
    const ids = training.map(({ id }) => id);
    return {
      name: "BTCV",
      description: "Abdominal CT, portal venous phase; Multi-Atlas Labeling Beyond the Cranial Vault (MICCAI 2015)",
      ...becomes,
      training,
      test,
      split: {
        folds: [{ train: ids.filter((id) => !heldOut.has(id)), val: ids.filter((id) => heldOut.has(id)) }],
        source: "the 18/12 split of the papers on the Synapse variant",
      },
      notes: note,
    };
  },
};

async function testCases(root: string): Promise<{ test: SourceCase[]; note: string[] }> {
  const folder = join(root, "Testing/img");
  if (!(await isFolder(folder)))
    return { test: [], note: ["there is no Testing/img: the 20 unlabelled scans are left out"] };
  const files = await filesByNumber(folder, /^img(\d{4})\.nii(?:\.gz)?$/);
  const test = [...files].map(([number, file]) => ({ id: caseId(number), images: [file], labels: undefined }));
  return { test, note: [] };
}

async function refuseHearts(source: string, kind: DatasetKind): Promise<void> {
  if (!basename(join(source)).startsWith("averaged-") && !(await isFolder(join(source, "averaged-training-images"))))
    return;
  const abdomen = await Promise.all(prefixes.map((prefix) => isFolder(join(source, prefix, "Training/img"))));
  if (abdomen.some(Boolean)) return;
  throw new DatasetError({
    file: source,
    found: "averaged-training-images, the heart MRIs of another challenge in the same Synapse project",
    expected: `the abdomen: ${kind.layout}`,
    hint: obtainHint(kind),
  });
}
