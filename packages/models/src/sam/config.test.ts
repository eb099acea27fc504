import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { isEncoderAdapterName, samConfig, withSamImageSize } from "./config.js";
import { officialSamConfigs } from "./official-configs.js";

const encoder = { embedDim: 16, depth: 2, numHeads: 2, outChans: 16, globalAttnIndexes: [1] };
const given = {
  imageSize: 64,
  imageEncoder: encoder,
  maskDecoder: { transformer: { numHeads: 4 } },
};
const withEncoder = (changes: object) => ({ ...given, imageEncoder: { ...encoder, ...changes } });

describe("a SAM configuration", () => {
  test("survives being written as JSON", () => {
    for (const config of [...Object.values(officialSamConfigs), samConfig(given)]) {
      expect(samConfig(JSON.parse(JSON.stringify(config)))).toEqual(config);
    }
  });

  test("of an official model can be given another image size", () => {
    for (const config of Object.values(officialSamConfigs)) {
      expect(withSamImageSize(config, 512)).toEqual({ ...config, imageSize: 512 });
    }
  });

  test("says how its pictures become input, SAM's way unless told otherwise", () => {
    expect(samConfig(given).pictureRule).toBe("sam");
    expect(officialSamConfigs.sam_vit_h.pictureRule).toBe("sam");
    expect(officialSamConfigs["sam-med2d_b"].pictureRule).toBe("sam-med2d");
    expect(officialSamConfigs["sam-med2d_b*"].pictureRule).toBe("sam-med2d");
  });

  test.each([
    ["an unknown field", { ...given, imageSise: 64 }, /imageSise/],
    ["a missing field", { imageEncoder: encoder }, /imageSize/],
    ["nothing at all", undefined, /SAM configuration/],
    ["an image size the patches do not divide", { ...given, imageSize: 72 }, /imageSize.*multiple of 16/],
    ["an image size that is no number", { ...given, imageSize: Number.NaN }, /imageSize/],
    [
      "an odd map of tokens for adapters",
      { ...withEncoder({ adapter: {} }), imageSize: 48 },
      /imageSize.*multiple of 32/,
    ],
    ["adapters of no width", withEncoder({ adapter: { mlpRatio: 0.01 } }), /mlpRatio.*16 channels/],
    ["heads that do not divide the width", withEncoder({ numHeads: 3 }), /numHeads.*3.*16/],
    ["a block that is not there", withEncoder({ globalAttnIndexes: [2] }), /globalAttnIndexes.*block 2 of 2/],
    ["an embedding the up-scaling cannot halve", withEncoder({ outChans: 20 }), /outChans.*multiple of 8/],
    [
      "decoder heads that do not divide it",
      { ...given, maskDecoder: { transformer: { numHeads: 16 } } },
      /numHeads.*is 32.*outChans 16/,
    ],
    ["mask channels that cannot be quartered", { ...given, promptEncoder: { maskInChans: 6 } }, /maskInChans/],
    ["a picture rule nobody knows", { ...given, pictureRule: "sam3" }, /pictureRule/],
    ["a colour without spread", { ...given, pixelStd: [1, 0, 1] }, /pixelStd/],
  ])("with %s is refused by name", (_, config, message) => {
    expect(() => samConfig(config, { file: "model.json" })).toThrow(ConfigError);
    expect(() => samConfig(config, { file: "model.json" })).toThrow(message);
  });
});

test("adapters are known by their parameters' names", () => {
  expect(isEncoderAdapterName("image_encoder.blocks.3.Adapter.channel.0.weight")).toBe(true);
  expect(isEncoderAdapterName("image_encoder.blocks.3.attn.qkv.weight")).toBe(false);
});
