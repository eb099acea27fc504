/**
 * A data set of one case in nnU-Net's layout, from a CT, its TotalSegmentator labels and their names; for the single-case overfit of
 * docs/results.md.
 *
 *   node recipes/example-ct/make-dataset.mjs FOLDER/example_ct.nii.gz FOLDER/example_ct_labels.nii.gz FOLDER/labels.json OUTPUT
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFolderAtomic, writeJsonAtomic } from "@rfmedsam/base/node";
import { readLabels, readVolume, writeVolume } from "@rfmedsam/imaging/node";

const organs = ["spleen", "kidney_right", "kidney_left", "liver", "stomach", "aorta"];

const [imageFile, labelFile, namesFile, output] = process.argv.slice(2);
if (output === undefined) {
  console.error("usage: make-dataset.mjs IMAGE LABELS NAMES_JSON OUTPUT");
  process.exit(2);
}

/** The file lists value → name, for CT and MR apart. */
const { ct } = JSON.parse(await readFile(namesFile, "utf8"));
const names = Object.fromEntries(Object.entries(ct).map(([value, name]) => [name, Number(value)]));
const image = await readVolume(imageFile);
const all = await readLabels(labelFile);
const numbers = new Uint8Array(256);
organs.forEach((organ, index) => {
  if (names[organ] === undefined) throw new Error(`${namesFile} has no ${organ}`);
  numbers[names[organ]] = index + 1;
});
const labels = { ...all, data: all.data.map((value) => numbers[value]) };

await writeFolderAtomic(output, async (folder) => {
  await writeVolume(join(folder, "imagesTr/example_0000.nii.gz"), image);
  await writeVolume(join(folder, "labelsTr/example.nii.gz"), labels);
  await writeJsonAtomic(join(folder, "dataset.json"), {
    name: "One CT",
    channel_names: { 0: "CT" },
    labels: Object.fromEntries(["background", ...organs].map((name, value) => [name, value])),
    numTraining: 1,
    file_ending: ".nii.gz",
  });
});
console.log(`${output}: one case with ${organs.join(", ")}`);
