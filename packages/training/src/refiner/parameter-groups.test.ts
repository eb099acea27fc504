import { ConfigError } from "@rfmedsam/base";
import { isAdapterName, officialSam2Configs, Sam2 } from "@rfmedsam/models";
import { onDevice } from "@rfmedsam/torch";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { presets } from "../presets.js";
import { tinyConfiguration } from "../testing/cases.js";
import { makeRefiner } from "./make.js";
import type { RefinerModel } from "./model.js";
import { chooseLearning } from "./parameter-groups.js";

const { refiner } = tinyConfiguration();
let model: RefinerModel;
beforeAll(async () => {
  model = await makeRefiner({ ...refiner, generator: "light-decoder" }, 3, 1);
});
afterAll(() => model.free());

const adapters = { ...refiner.adapters!, rate: 3 };
const learning = () => [...model.namedParameters()].filter(([, p]) => p.requiresGrad).map(([name]) => name);
/** The rate of every parameter by name, 0 for frozen ones. */
const ratesOf = (groups: ReturnType<typeof chooseLearning>) => {
  const rates = new Map(
    groups.flatMap(({ rate, parameters }) => parameters.map((parameter) => [parameter, rate] as const)),
  );
  return new Map([...model.namedParameters()].map(([name, parameter]) => [name, rates.get(parameter) ?? 0]));
};

describe("the first pattern that finds a parameter decides", () => {
  test("its rate, by official names as in checkpoints; what none finds is frozen", () => {
    const groups = chooseLearning(model, {
      adapters,
      groups: [
        { pattern: "^memory_attention\\.layers\\.0", rate: 0.1 },
        { pattern: "^memory_attention|iou_token", rate: 0.5 },
      ],
    });
    const rates = ratesOf(groups);
    expect(rates.get("sam2.memory_attention.layers.0.norm1.weight")).toBe(0.1);
    expect(rates.get("sam2.memory_attention.layers.1.norm1.weight")).toBe(0.5);
    expect(rates.get("sam2.sam_mask_decoder.iou_token.weight")).toBe(0.5);
    expect(rates.get("sam2.sam_mask_decoder.mask_tokens.weight")).toBe(0);
    expect(learning()).not.toContain("sam2.sam_mask_decoder.mask_tokens.weight");
    // Every parameter that learns is in one group, none twice.
    const all = groups.flatMap(({ parameters }) => parameters);
    expect(new Set(all).size).toBe(all.length);
    expect(all.length).toBe(learning().length);
  });

  test("a rate of 0 freezes", () => {
    chooseLearning(model, {
      adapters,
      groups: [
        { pattern: "^image_encoder", rate: 0 },
        { pattern: "", rate: 1 },
      ],
    });
    const names = learning();
    expect(names.filter((name) => name.startsWith("sam2.image_encoder") && !isAdapterName(name))).toEqual([]);
    expect(names).toContain("sam2.no_mem_embed");
  });

  test("adapters always learn at their own rate, calibration and generator at 1", () => {
    const rates = ratesOf(chooseLearning(model, { adapters, groups: [{ pattern: "", rate: 0.01 }] }));
    for (const [name, rate] of rates) {
      expect(rate).toBe(isAdapterName(name) ? 3 : name.startsWith("sam2.") ? 0.01 : 1);
    }
    expect(learning()).toEqual(expect.arrayContaining(["stage1.log_scale", "stage2.bias", "generator.head.weight"]));
    expect(learning().some(isAdapterName)).toBe(true);
  });
});

describe("a pattern is refused", () => {
  test.each([
    ["that is no regular expression", [{ pattern: "(", rate: 1 }], /"\(".*regular expression/s],
    ["that finds nothing", [{ pattern: "mask_decodr", rate: 1 }], /"mask_decodr" finds no parameter/],
    ["of adapters, which nobody asks", [{ pattern: "adapter", rate: 0 }], /finds no parameter.*always learn/s],
    [
      "that comes too late",
      [
        { pattern: "", rate: 1 },
        { pattern: "^image_encoder", rate: 0 },
      ],
      /"\^image_encoder".*taken.*narrower pattern first/s,
    ],
  ])("%s", (_, groups, message) => {
    const refused = () => chooseLearning(model, { adapters, groups });
    expect(refused).toThrow(ConfigError);
    expect(refused).toThrow(message);
  });
});

test("with official weights the decoder and the memory attention learn, of every official model", () => {
  for (const config of Object.values(officialSam2Configs)) {
    const official = onDevice("meta", () => new Sam2(config));
    const found = (name: string) => presets.gpu.refiner.groups.some(({ pattern }) => new RegExp(pattern).test(name));
    const parts = new Set([...official.namedParameters().keys()].filter(found).map((name) => name.split(".")[0]));
    expect(parts).toEqual(new Set(["memory_attention", "sam_mask_decoder"]));
    official.free();
  }
  expect(() => chooseLearning(model, presets.gpu.refiner)).not.toThrow();
});
