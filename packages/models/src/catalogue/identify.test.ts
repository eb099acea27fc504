/** The catalogue against the networks themselves; nothing is loaded, all weights are on the meta device. */
import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { smallSam2Config } from "../sam2/official-configs.js";
import {
  atImageSize,
  type ModelArchitecture,
  parseArchitecture,
  type TensorShapes,
  tensorsOf,
} from "./architecture.js";
import { catalogue, officialArchitecture, officialModel } from "./entries.js";
import { describeDifferences, identify } from "./identify.js";

const shapesOf = (name: string): Map<string, { shape: readonly number[] }> =>
  new Map(tensorsOf(officialModel(name)!.architecture).shapes);

describe("every official model", () => {
  test.each(catalogue.map((entry) => [entry.name, entry] as const))("%s is recognised as itself", (name, entry) => {
    const found = identify(shapesOf(name));
    expect(found).toMatchObject({ kind: "exact" });
    expect(found.kind === "exact" && found.entry.name).toBe(name);
    expect(found.kind === "exact" && found.architecture).toEqual(entry.architecture);
  });

  test.each(catalogue)("$name survives JSON, and is known by its configuration at any image size", (entry) => {
    const { architecture } = entry;
    expect(parseArchitecture(JSON.parse(JSON.stringify(architecture)))).toEqual(architecture);
    expect(officialArchitecture(atImageSize(architecture, 512))).toBe(entry);
  });

  test("names are told apart, and files say which model they belong to", () => {
    expect(new Set(catalogue.map(({ name }) => name)).size).toBe(catalogue.length);
    for (const { files, parameters, imageSize } of catalogue) {
      expect(files.length).toBeGreaterThan(0);
      expect(parameters).toBeGreaterThan(30e6);
      expect([256, 1024]).toContain(imageSize);
    }
  });
});

describe("other image sizes", () => {
  test.each([
    ["sam_vit_b", 512],
    ["sam_vit_l", 256],
    ["sam-med2d_b", 512],
  ])("%s at %d", (name, imageSize) => {
    const architecture = atImageSize(officialModel(name)!.architecture, imageSize);
    const found = identify(tensorsOf(architecture).shapes);
    expect(found.kind === "exact" && [found.entry.name, found.architecture]).toEqual([name, architecture]);
  });

  test("plain SAM's ViT-B at 256 has SAM-Med2D's shapes and is taken for it", () => {
    const architecture = atImageSize(officialModel("sam_vit_b")!.architecture, 256);
    const found = identify(tensorsOf(architecture).shapes);
    expect(found.kind === "exact" && found.entry.name).toBe("sam-med2d_b*");
  });
});

describe("checkpoints that are not quite a model", () => {
  test("the differences are named", () => {
    const tensors = shapesOf("sam2.1_hiera_s");
    const [first] = tensors.keys();
    tensors.delete(first!);
    tensors.set("extra", { shape: [1] });
    tensors.set("no_mem_embed", { shape: [1, 1, 7] });
    const found = identify(tensors);
    if (found.kind !== "near") throw new Error(found.kind);
    expect(found.entry.name).toBe("sam2.1_hiera_s");
    expect(found.differences).toEqual({
      missing: [first],
      unexpected: ["extra"],
      reshaped: [{ name: "no_mem_embed", found: [1, 1, 7], expected: [1, 1, 256] }],
    });
    expect(describeDifferences(found.differences)).toBe(
      `missing: ${first}; unexpected: extra; of another shape: no_mem_embed is [1, 1, 7] instead of [1, 1, 256]`,
    );
  });

  test("a small SAM 2 is near an official one", () => {
    const small: ModelArchitecture = { family: "sam2", config: smallSam2Config(64) };
    const found = identify(tensorsOf(small).shapes);
    expect(found.kind).toBe("near");
    expect(found.kind === "near" && found.entry.family).toBe("sam2");
  });

  test.each<[string, TensorShapes]>([
    ["nothing at all", new Map()],
    ["another network", new Map([["encoder.stages.0.weight", { shape: [32, 1, 3, 3] }]])],
    ["a position embedding alone", new Map([["image_encoder.pos_embed", { shape: [1, 9, 9, 768] }]])],
    ["one of no dimensions", new Map([["image_encoder.pos_embed", { shape: [] }]])],
    ["one that claims the impossible", new Map([["image_encoder.pos_embed", { shape: [1, 1e9, 1e9, 768] }]])],
  ])("%s is none", (_, tensors) => {
    expect(identify(tensors)).toEqual({ kind: "none" });
  });
});

test.each([
  null,
  {},
  { family: "sam3", config: {} },
  { family: "sam2", config: { imageSize: 64 } },
  { family: "sam", config: { ...officialModel("sam-med2d_b")!.architecture.config } },
  { family: "sam", config: { ...officialModel("sam_vit_b")!.architecture.config, colour: 1 } },
])("%j is no architecture", (value) => {
  expect(() => parseArchitecture(value, { file: "w.safetensors" })).toThrow(ConfigError);
});
