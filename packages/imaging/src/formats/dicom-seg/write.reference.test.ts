/** Labels of real CT written as segmentations and read again, against the NRRD and NIfTI files they came from. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { labelsIn, toLabels } from "../../labels.js";
import { readDicom, readVolume } from "../../node/index.js";
import { orientationOf, reorient } from "../../orientation.js";
import type { LabelVolume } from "../../volume.js";
import { readDicomSeg } from "./read.js";
import { type SegmentedSeries, writeDicomSeg } from "./write.js";

const dcmqi = "data/dicom/ct_and_seg";

/** Label files with the series they belong to: dcmqi's test data, and TotalSegmentator's, whose rows are stored the other way round. */
const pairs: readonly (readonly [labels: string, series: string])[] = [
  ...readdirSync(sharedPath(dcmqi))
    .filter((name) => name.endsWith("_seg.nrrd") && !name.startsWith("sparse"))
    .map((name) => [join(dcmqi, name), join(dcmqi, "ct-3slice")] as const),
  ...["23x38x3", "24x38x3"].flatMap((size) =>
    ["image", "multiframe"].map((images) => [join(dcmqi, size, "nrrd/label.nrrd"), join(dcmqi, size, images)] as const),
  ),
  [
    "data/totalsegmentator_examples/example_ct_dicom_labels.nii.gz",
    "data/totalsegmentator_examples/example_ct_dicom",
  ] as const,
];

async function readAgain(labels: LabelVolume, source: SegmentedSeries) {
  const names = Object.fromEntries(labelsIn(labels.data).map((value) => [`label ${value}`, value]));
  const { parts, numbers } = writeDicomSeg(labels, names, source);
  const seg = await readDicomSeg(Buffer.concat(parts), { like: { ...source.volume, series: source.series } });
  const values = new Uint8Array(256);
  for (const [label, number] of numbers) values[number] = names[label]!;
  return { seg, values };
}

describe.each(pairs)("%s on %s", (labelFile, series) => {
  test("comes back voxel by voxel, with references to its images", async () => {
    const source = await readDicom(sharedPath(series));
    const labels = toLabels(await readVolume(sharedPath(labelFile)));
    const { seg, values } = await readAgain(labels, source);
    const { volume, overlap } = seg.labels();
    expect(overlap).toBeUndefined();
    const found = volume.data.map((number) => values[number]!);
    const expected = reorient(labels, orientationOf(volume));
    expect(compareNumbers(labelFile, found, expected.data, 0)).toBe(0);
    for (const { sopInstanceUids } of seg.sources) {
      expect(new Set(sopInstanceUids)).toEqual(
        new Set(source.series.slices.map(({ sopInstanceUid }) => sopInstanceUid)),
      );
    }
  });
});

test("labels of another image are refused", async () => {
  const source = await readDicom(sharedPath(dcmqi, "ct-3slice"));
  const labels = toLabels(await readVolume(sharedPath(dcmqi, "24x38x3/nrrd/label.nrrd")));
  expect(() => writeDicomSeg(labels, { liver: 1 }, source)).toThrow(/--like SERIES/);
});
