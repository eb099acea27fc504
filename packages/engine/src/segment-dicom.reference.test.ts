/** A real DICOM series segmented into NIfTI and a DICOM segmentation (of the shared folder). */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedPath } from "@rfmedsam/base/testing";
import { readDicom, readDicomSegFile, readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { formatVersion, type PatchNetwork, parseManifest, Segmenter } from "@rfmedsam/segmenter";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type SegmentedCase, segmentFiles } from "./index.js";

const series = sharedPath("data/dicom/ct_and_seg/23x38x3/image");

/** Labels what is brighter than the mean. */
const bright: PatchNetwork = {
  patch: [4, 4, 4],
  inputChannels: 1,
  classes: 2,
  predict: async (patches, count) => {
    const logits = new Float32Array(count * 2 * 64);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < 64; i++) logits[(n * 2 + 1) * 64 + i] = patches[n * 64 + i]!;
    }
    return logits;
  },
};

const manifest = parseManifest(
  {
    formatVersion,
    rfmedsam: "0",
    labels: { background: 0, liver: 1 },
    channelNames: ["CT"],
    preprocessing: { normalisation: [{ kind: "zscore" }], cropToNonzero: false },
    step0: { kind: "unet", architecture: {}, patch: [4, 4, 4], folds: ["a"] },
    training: { dataset: "", seed: 0, revision: "", versions: {}, configuration: {} },
  },
  { file: "model.json" },
);
const model = { manifest, segmenter: new Segmenter(manifest, { step0: [bright] }), device: "cpu" } as const;

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "segment-dicom-"));
});
afterEach(() => rm(folder, { recursive: true }));

async function segment(input: string, warnings: string[] = []): Promise<SegmentedCase> {
  const options = { dicomSeg: true, onWarning: (warning: string) => warnings.push(warning) };
  for await (const result of segmentFiles(model, [input], join(folder, "out"), options)) {
    if ("failure" in result) throw result.failure;
    return result;
  }
  throw new Error("nothing was segmented");
}

test("a DICOM series gets a DICOM segmentation with the same voxels beside its NIfTI", async () => {
  const { file, dicomSegFile } = await segment(series);
  expect(dicomSegFile).toBe(join(folder, "out", "image.seg.dcm"));
  const source = await readDicom(series);
  const seg = await readDicomSegFile(dicomSegFile!, { like: { ...source.volume, series: source.series } });
  const { data } = await readVolume(file);
  expect(seg.labels().volume.data).toEqual(data);
  expect(new Set(data as Uint8Array)).toEqual(new Set([0, 1]));
  expect(seg.segments).toMatchObject([{ number: 1, label: "liver", type: { value: "10200004" } }]);
  expect(seg.sources[0]?.seriesUid).toBe(source.series.seriesUid);
  await expect(segment(series)).rejects.toThrow(/exists already, as do 1 more/);
});

test("for another image it is said that there is none", async () => {
  const { volume } = await readDicom(series);
  await writeVolume(join(folder, "ct.nii.gz"), volume);
  const warnings: string[] = [];
  expect((await segment(join(folder, "ct.nii.gz"), warnings)).dicomSegFile).toBeUndefined();
  expect(warnings).toEqual(["ct: no DICOM segmentation was written, for the image is not DICOM"]);
});
