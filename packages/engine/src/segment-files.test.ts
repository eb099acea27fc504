import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError, FileError, InterruptedError } from "@rfmedsam/base";
import { type Affine, reorient, scalingAffine, type Volume } from "@rfmedsam/imaging";
import { readVolume, writeVolume } from "@rfmedsam/imaging/node";
import { formatVersion, type PatchNetwork, parseManifest, Segmenter } from "@rfmedsam/segmenter";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type FailedCase, findCases, type SegmentedCase, type SegmentFilesOptions, segmentFiles } from "./index.js";

/** A network that labels what is brighter than one standard deviation above the mean. */
const bright = (inputChannels: number): PatchNetwork => ({
  patch: [4, 4, 4],
  inputChannels,
  classes: 2,
  predict: async (patches, count) => {
    const logits = new Float32Array(count * 2 * 64);
    for (let n = 0; n < count; n++) {
      for (let i = 0; i < 64; i++) logits[(n * 2 + 1) * 64 + i] = patches[n * inputChannels * 64 + i]! - 1;
    }
    return logits;
  },
});

function model(channelNames: readonly string[] = ["MR"]) {
  const manifest = parseManifest(
    {
      formatVersion,
      rfmedsam: "0",
      labels: { background: 0, cube: 7 },
      channelNames,
      preprocessing: { normalisation: channelNames.map(() => ({ kind: "zscore" })), cropToNonzero: false },
      step0: { kind: "unet", architecture: {}, patch: [4, 4, 4], folds: ["a"] },
      training: { dataset: "", seed: 0, revision: "", versions: {}, configuration: {} },
    },
    { file: "model.json" },
  );
  return {
    manifest,
    segmenter: new Segmenter(manifest, { step0: [bright(channelNames.length)] }),
    device: "cpu",
  } as const;
}

const shape = [5, 6, 7] as const;
/** A bright cube of 2 × 2 × 2 voxels. */
function image(affine: Affine = scalingAffine([3, 2, 1])): Volume<Float32Array> {
  const data = new Float32Array(5 * 6 * 7);
  for (const z of [1, 2]) for (const y of [2, 3]) for (const x of [3, 4]) data[(z * 6 + y) * 7 + x] = 100;
  return { data, shape, affine };
}

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "segment-files-"));
});
afterEach(() => rm(folder, { recursive: true }));

const at = (...parts: string[]) => join(folder, ...parts);
const save = async (name: string, volume: Volume = image()) => {
  await writeVolume(at(name), volume);
  return at(name);
};

async function run(inputs: readonly string[], options: SegmentFilesOptions = {}, opened = model()) {
  const results: (SegmentedCase | FailedCase)[] = [];
  let error: unknown;
  try {
    for await (const result of segmentFiles(opened, inputs, at("out"), options)) results.push(result);
  } catch (caught) {
    error = caught;
  }
  return { results, error };
}

describe("finding cases", () => {
  const ids = async (inputs: readonly string[], channels = ["MR"]) => {
    const { cases, failed } = await findCases(inputs, channels);
    return [...cases.map((each) => each.case), ...failed.map((each) => `!${each.case}`)];
  };

  test("a folder gives all its cases, channels put together", async () => {
    for (const name of ["in/b_0001.nii", "in/b_0000.nii", "in/a_0000.nii.gz", "in/a_0001.nii.gz"]) await save(name);
    await writeFile(at("in/notes.txt"), "not a volume");
    const { cases } = await findCases([at("in")], ["T1", "T2"]);
    expect(cases).toEqual([
      { case: "a", images: [at("in/a_0000.nii.gz"), at("in/a_0001.nii.gz")] },
      { case: "b", images: [at("in/b_0000.nii"), at("in/b_0001.nii")] },
    ]);
  });

  test("four digits at the end of a name are a channel only beside _0000", async () => {
    const files = [await save("patient_2021.nii"), await save("patient_2022.nii"), await save("ct_0000.nii")];
    expect(await ids(files)).toEqual(["ct", "patient_2021", "patient_2022"]);
  });

  test("too many or too few channels, a missing file and an empty folder each fail by themselves", async () => {
    await mkdir(at("empty"));
    const [good, first, second] = [await save("good.nii"), await save("x_0000.nii"), await save("x_0001.nii")];
    const { cases, failed } = await findCases([good, first, second, at("none.nii"), at("empty")], ["MR"]);
    expect(cases.map((each) => each.case)).toEqual(["good"]);
    const messages = failed.map(({ failure }) => failure.message);
    expect(messages[0]).toMatch(/none\.nii: does not exist/);
    expect(messages[1]).toMatch(/empty: no volume is in this folder/);
    expect(messages[2]).toMatch(/x_\*: 2 channels \(0000, 0001\); expected 1, as the model was trained on \(MR\)/);
    expect(await ids([good], ["T1", "T2"])).toEqual(["!good"]);
  });

  test("two cases of one name are not mixed up", async () => {
    expect(await ids([await save("one/ct.nii"), await save("two/ct.nii")])).toEqual(["ct", "!ct"]);
  });
});

describe("segmenting files", () => {
  test("labels lie on the image's own grid, whatever its orientation", async () => {
    const lps = reorient(image(), "LPS");
    const { results, error } = await run([await save("a.nii.gz"), await save("b.nii.gz", lps)], { stages: true });
    expect(error).toBeUndefined();
    for (const [at_, source] of [image(), lps].entries()) {
      const { file, labels, stageFiles, seconds, peakMemory } = results[at_] as SegmentedCase;
      const written = await readVolume(file);
      expect(written.affine).toEqual(source.affine);
      expect([...written.data]).toEqual([...source.data].map((value) => (value > 0 ? 7 : 0)));
      expect(labels).toEqual([{ name: "cube", value: 7, voxels: 8, ml: (8 * 6) / 1000 }]);
      expect(await readVolume(stageFiles.step0!)).toEqual(written);
      expect(seconds.total).toBeGreaterThan(0);
      expect(peakMemory).toBeGreaterThan(1e6);
    }
  });

  test("a bad case is told and the others go on; the end names what failed", async () => {
    await mkdir(at("in"));
    await writeFile(at("in/a.nii.gz"), "not a volume");
    await save("in/b.nii.gz");
    const { results, error } = await run([at("in")]);
    expect(results.map((result) => [result.case, "failure" in result])).toEqual([
      ["a", true],
      ["b", false],
    ]);
    expect((error as Error).message).toMatch(/^1 of 2 cases could not be segmented: a \(.*The labels of the others/);
    expect(await readdir(at("out"))).toEqual(["b.nii.gz"]);
  });

  test("a single bad case is the error itself", async () => {
    const { error } = await run([at("none.nii.gz")]);
    expect(error).toBeInstanceOf(FileError);
  });

  test("labels that exist are refused before anything is done, replaced, or skipped", async () => {
    const inputs = [await save("a.nii.gz"), await save("b.nii.gz")];
    await save("out/b.nii.gz");
    const before = await readVolume(at("out/b.nii.gz"));
    const refused = await run(inputs);
    expect(refused.error).toBeInstanceOf(FileError);
    expect((refused.error as Error).message).toMatch(/out\/b\.nii\.gz: exists already.*--overwrite/);
    expect(await readdir(at("out"))).toEqual(["b.nii.gz"]);
    const skipped = await run(inputs, { existing: "skip" });
    expect(skipped.results.map((result) => result.case)).toEqual(["a"]);
    expect(await readVolume(at("out/b.nii.gz"))).toEqual(before);
    await run(inputs, { existing: "overwrite" });
    expect(await readVolume(at("out/b.nii.gz"))).not.toEqual(before);
  });

  test("a case is skipped only if all that is asked for is there", async () => {
    const inputs = [await save("a.nii.gz"), await save("b.nii.gz")];
    await run([inputs[0]!]);
    const done = async (options: SegmentFilesOptions) => {
      const { results, error } = await run(inputs, { ...options, existing: "skip" });
      expect(error).toBeUndefined();
      return results.map((result) => result.case);
    };
    expect(await done({})).toEqual(["b"]);
    for (const extra of ["stages", "probabilities", "uncertainty"] as const) {
      expect(await done({ [extra]: true })).toEqual(["a", "b"]);
      // Not waited for: stages that the model does not have, and DICOM segmentations of what is not DICOM.
      expect(await done({ [extra]: true, dicomSeg: true })).toEqual([]);
    }
    await rm(at("out/uncertainty/b.nii.gz"));
    expect(await done({ uncertainty: true })).toEqual(["b"]);
    expect(await readdir(at("out/uncertainty"))).toEqual(["a.nii.gz", "b.nii.gz"]);
    expect(await done({})).toEqual([]);
  });

  test("what is left out of a folder is told, and its results there are no inputs", async () => {
    await save("out/in/b.nii.gz");
    await save("a.nii.gz");
    const warnings: string[] = [];
    const options = { onWarning: (warning: string) => warnings.push(warning), existing: "skip" } as const;
    expect((await run([folder], options)).results.map((result) => result.case)).toEqual(["a"]);
    expect(warnings).toEqual([]);
    await save("other/c.nii.gz");
    await run([folder], options);
    expect(warnings).toEqual([expect.stringMatching(/other were not looked into; name them, too/)]);
  });

  test("an image is never replaced by its labels", async () => {
    const { error } = await run([await save("out/a.nii.gz")], { existing: "overwrite" });
    expect((error as Error).message).toMatch(/the labels would replace the image/);
  });

  test("only the chosen cases are segmented; choosing none is an error", async () => {
    const inputs = [await save("a.nii.gz"), await save("b.nii.gz")];
    expect((await run(inputs, { cases: (id) => id === "b" })).results.map((result) => result.case)).toEqual(["b"]);
    expect((await run(inputs, { cases: () => false })).error).toBeInstanceOf(ConfigError);
  });

  test("stopping keeps what is done and says how to go on", async () => {
    const signal = { aborted: false };
    const progress = ({ stage }: { stage: string }) => {
      if (stage.startsWith("b")) signal.aborted = true;
    };
    const { error } = await run([await save("a.nii.gz"), await save("b.nii.gz")], { signal, progress });
    expect(error).toBeInstanceOf(InterruptedError);
    expect((error as Error).message).toMatch(/stopped after 1 of 2 cases\. .*--skip-existing/);
    expect(await readdir(at("out"))).toEqual(["a.nii.gz"]);
  });

  test("stopped while it replaces labels, it does not advise to keep the old ones", async () => {
    const inputs = [await save("a.nii.gz"), await save("b.nii.gz")];
    await run(inputs);
    const signal = { aborted: false };
    const progress = ({ stage }: { stage: string }) => {
      if (stage.startsWith("b")) signal.aborted = true;
    };
    const { error } = await run(inputs, { existing: "overwrite", signal, progress });
    expect((error as Error).message).toMatch(/stopped after 1 of 2 cases\. .*the inputs from b on/);
  });
});
