import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { sam2Config, withImageSize } from "./config.js";
import { officialSam2Configs, smallSam2Config } from "./official-configs.js";

const given = {
  imageSize: 128,
  imageEncoder: {
    trunk: {
      embedDim: 16,
      numHeads: 1,
      stages: [1, 1, 1, 1],
      windowPosEmbedBkgSpatialSize: [7, 7],
      windowSpec: [8, 4, 4, 4],
    },
  },
};

describe("a SAM 2 configuration", () => {
  test("survives being written as JSON", () => {
    for (const config of [...Object.values(officialSam2Configs), smallSam2Config(128), sam2Config(given)]) {
      expect(sam2Config(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }
  });

  test("of an official model can be given another image size", () => {
    for (const size of [256, 512]) {
      expect(withImageSize(officialSam2Configs["sam2.1_hiera_l"], size)).toMatchObject({ imageSize: size });
    }
  });

  test.each([
    ["an unknown field", { ...given, imageSise: 128 }, /imageSise/],
    ["a missing field", { imageEncoder: given.imageEncoder }, /imageSize/],
    ["an image size the strides do not divide", { ...given, imageSize: 100 }, /imageSize.*multiple of 32/],
    ["a stride the levels do not have", { ...given, backboneStride: 8 }, /backboneStride.*16/],
    ["a pointer option without what it needs", { ...given, predObjScores: false }, /fixedNoObjPtr/],
    ["a memory width that does not divide the model's", { ...given, memoryEncoder: { outDim: 48 } }, /outDim/],
    [
      "windows that queries cannot be pooled in",
      { ...given, imageEncoder: { trunk: { ...given.imageEncoder.trunk, windowSpec: [7, 4, 4, 4] } } },
      /windowSpec.*window 7/,
    ],
    [
      "a block that is not there",
      { ...given, imageEncoder: { trunk: { ...given.imageEncoder.trunk, globalAttBlocks: [4] } } },
      /globalAttBlocks.*block 4 of 4/,
    ],
  ])("with %s is refused by name", (_, config, message) => {
    expect(() => sam2Config(config, { file: "model.json" })).toThrow(ConfigError);
    expect(() => sam2Config(config, { file: "model.json" })).toThrow(message);
  });
});
