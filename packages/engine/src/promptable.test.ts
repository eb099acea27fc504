/** Files of weights and what is opened from them, with small networks of random weights. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError, FileError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import {
  buildModel,
  type ModelArchitecture,
  officialModel,
  type PromptableModel,
  samConfig,
  smallSam2Config,
} from "@rfmedsam/models";
import { liveTensors, manualSeed, onDevice, readSafetensors, setNumThreads, type Tensor, zeros } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  architectureKey,
  convertWeights,
  inspectWeights,
  modelKey,
  openPromptable,
  promptPicture,
  saveWeights,
  writeWeights,
} from "./index.js";

setNumThreads(1);

const smallSam = samConfig({
  imageSize: 64,
  imageEncoder: { embedDim: 32, depth: 2, numHeads: 2, globalAttnIndexes: [1], windowSize: 3, outChans: 32 },
  maskDecoder: { iouHeadHiddenDim: 32, transformer: { mlpDim: 32, numHeads: 2 } },
});
const architectures = {
  "SAM 2": { family: "sam2", config: smallSam2Config(64) },
  SAM: { family: "sam", config: smallSam },
  "SAM-Med2D": {
    family: "sam-med2d",
    config: samConfig({
      ...smallSam,
      pictureRule: "sam-med2d",
      imageEncoder: { ...smallSam.imageEncoder, adapter: {} },
    }),
  },
} as const satisfies Record<string, ModelArchitecture>;
type Kind = keyof typeof architectures;
const kinds = Object.keys(architectures) as Kind[];

const picture = { height: 40, width: 56, data: Uint8Array.from({ length: 40 * 56 * 3 }, (_, at) => (at * 31) % 256) };
const click = { points: [{ object: 1, at: [20, 12], label: 1 as const }] };

let folder: string;
const files: Partial<Record<Kind, string>> = {};
const models: Partial<Record<Kind, PromptableModel>> = {};
const fileOf = (kind: Kind) => files[kind]!;
const inFolder = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "promptable-"));
  manualSeed(3);
  for (const kind of kinds) {
    models[kind] = buildModel(architectures[kind]).eval();
    files[kind] = inFolder(`${kind}.safetensors`);
    await saveWeights(fileOf(kind), models[kind]!, architectures[kind]);
  }
});
afterAll(() => rm(folder, { recursive: true }));

const sameBytes = (a: Tensor, b: Tensor) =>
  a.dtype === b.dtype && Buffer.from(a.shareBytes()).equals(Buffer.from(b.shareBytes()));

describe.each(kinds)("a small %s", (kind) => {
  test("opens as it was saved, and gives all its memory back", async () => {
    await collectGarbage();
    const before = liveTensors();
    (await openPromptable(fileOf(kind), { device: "cpu" })).free();
    expect(liveTensors()).toBe(before);
    const opened = await openPromptable(fileOf(kind), { device: "cpu" });
    expect(opened).toMatchObject({ name: undefined, architecture: architectures[kind], imageSize: 64, device: "cpu" });
    expect(opened.pictures.pictureRule).toBe(architectures[kind].family);
    expect(opened.tracker !== undefined).toBe(kind === "SAM 2");
    const first = await promptPicture(opened.pictures, picture, click);
    opened.free();
    using again = await openPromptable(fileOf(kind), { device: "cpu" });
    expect(await promptPicture(again.pictures, picture, click)).toEqual(first);
  });

  test("survives conversion bit for bit, and half precision is opened as float32", async () => {
    const copy = inFolder(`${kind} copy.safetensors`);
    const inspected = await convertWeights(fileOf(kind), copy);
    expect(inspected.model).toEqual({ kind: "exact", name: undefined, architecture: architectures[kind] });
    const [before, after] = [await readSafetensors(fileOf(kind)), await readSafetensors(copy)];
    expect([...after.keys()].sort()).toEqual([...before.keys()].sort());
    for (const [name, tensor] of before) expect(sameBytes(after.get(name)!, tensor), name).toBe(true);
    await expect(convertWeights(fileOf(kind), copy)).rejects.toThrow(FileError);
    await convertWeights(fileOf(kind), copy, { overwrite: true, dtype: "bfloat16" });
    expect((await inspectWeights(copy)).dtypes).toEqual({ bfloat16: before.size });
    using opened = await openPromptable(copy);
    const [exact, rounded] = [models[kind]!.stateDict(), await readSafetensors(copy)];
    expect(opened.architecture).toEqual(architectures[kind]);
    for (const [name, tensor] of rounded) {
      expect(tensor.dtype).toBe("bfloat16");
      expect(sameBytes(tensor, exact.get(name)!.to({ dtype: "bfloat16" })), name).toBe(true);
    }
  });

  test("another image size", async () => {
    using opened = await openPromptable(fileOf(kind), { imageSize: 128 });
    expect(opened.imageSize).toBe(128);
    const [answer] = await promptPicture(opened.pictures, picture, click);
    expect(answer?.mask).toHaveLength(40 * 56);
    await expect(openPromptable(fileOf(kind), { imageSize: 70 })).rejects.toThrow(ConfigError);
  });
});

describe("weights that are not what they shall be", () => {
  test("another model than asked for", async () => {
    const official = officialModel("sam_vit_b")!;
    const file = inFolder("vit_b.safetensors");
    const model = onDevice("meta", () => buildModel(official.architecture));
    // Zeros of bfloat16: names and shapes are what counts.
    const tensors = [...model.stateDict()].map(
      ([name, { shape }]) => [name, zeros(shape, { dtype: "bfloat16" })] as const,
    );
    await writeWeights(file, new Map(tensors), undefined);
    for (const [, tensor] of tensors) tensor.free();
    const failure = await openPromptable(file, { model: "sam2.1_hiera_t" }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(CheckpointError);
    expect((failure as CheckpointError).message).toMatch(/this is sam_vit_b; expected sam2\.1_hiera_t/);
    const { model: found } = await inspectWeights(file);
    expect(found).toEqual({ kind: "exact", name: "sam_vit_b", architecture: official.architecture });
    const converted = inFolder("vit_b named.safetensors");
    await convertWeights(file, converted);
    expect((await inspectWeights(converted)).metadata).toMatchObject({ [modelKey]: "sam_vit_b" });
  });

  test("a model that there is not", async () => {
    await expect(openPromptable(fileOf("SAM"), { model: "sam3" })).rejects.toThrow(/no model "sam3".*sam_vit_b/);
  });

  test("no SAM, and one that does not say what it is", async () => {
    const other = inFolder("other.safetensors");
    await writeWeights(other, new Map([["layer.weight", zeros([2, 2])]]), undefined);
    await expect(openPromptable(other)).rejects.toThrow(/weights of no SAM \(1 tensors, the first is layer.weight\)/);
    const unsaid = inFolder("unsaid.safetensors");
    await writeWeights(unsaid, models["SAM 2"]!.stateDict(), undefined);
    await expect(openPromptable(unsaid)).rejects.toThrow(/weights near sam2/);
    expect((await inspectWeights(unsaid)).model.kind).toBe("near");
  });

  const { config } = architectures["SAM 2"];
  test.each<[string, unknown]>([
    ["no JSON", "{"],
    ["no family", JSON.stringify({ config })],
    ["an unknown key", JSON.stringify({ family: "sam2", config: { ...config, colour: 1 } })],
    [
      "more layers than tensors",
      JSON.stringify({
        family: "sam",
        config: { ...smallSam, imageEncoder: { ...smallSam.imageEncoder, depth: 1e9 } },
      }),
    ],
    [
      "an impossible width",
      JSON.stringify({
        family: "sam",
        config: { ...smallSam, imageEncoder: { ...smallSam.imageEncoder, embedDim: 2 ** 30 } },
      }),
    ],
    ["an impossible image size", JSON.stringify({ family: "sam2", config: { ...config, imageSize: 2 ** 20 } })],
  ])("metadata with %s", async (_, text) => {
    const file = inFolder("stated.safetensors");
    await writeWeights(file, models["SAM 2"]!.stateDict(), undefined, { [architectureKey]: text as string });
    await expect(openPromptable(file)).rejects.toThrow(/describes no model/);
    await expect(inspectWeights(file)).rejects.toThrow(CheckpointError);
  });

  test("metadata of another model than the tensors", async () => {
    const file = inFolder("lying.safetensors");
    await writeWeights(file, models.SAM!.stateDict(), architectures["SAM 2"]);
    await expect(openPromptable(file)).rejects.toThrow(/do not fit what the file itself says/);
    expect((await inspectWeights(file)).model).toMatchObject({ kind: "near", name: undefined });
  });

  test("files that are none", async () => {
    await writeFile(inFolder("text.pt"), "not weights");
    await expect(openPromptable(inFolder("text.pt"))).rejects.toThrow(CheckpointError);
    await expect(openPromptable(inFolder("missing.pt"))).rejects.toThrow(FileError);
  });

  test("nothing stays behind", async () => {
    await collectGarbage();
    const before = liveTensors();
    await expect(openPromptable(fileOf("SAM"), { model: "sam_vit_b" })).rejects.toThrow(CheckpointError);
    await expect(openPromptable(fileOf("SAM"), { imageSize: 65 })).rejects.toThrow(ConfigError);
    expect(liveTensors()).toBe(before);
  });
});
