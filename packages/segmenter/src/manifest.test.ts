import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { classTable, formatVersion, parseManifest } from "./manifest.js";
import { manifestJson } from "./testing/cases.js";

const parse = (json: unknown) => parseManifest(json, { file: "model/model.json" });
const changed = (change: (json: ReturnType<typeof manifestJson>) => void) => {
  const json = manifestJson();
  change(json);
  return () => parse(json);
};

const calibrate = (json: ReturnType<typeof manifestJson>, stage1: unknown) => {
  json.refiner!.calibration = { stage1, stage2: { kind: "none" } };
};
const fallback = { kind: "fallback", stage: "stage2", scope: "case", confidence: 0.4 };

describe("parseManifest", () => {
  test("reads what it wrote", () => {
    const manifest = parse(manifestJson());
    expect(parse(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
    expect(manifest.refiner!.channel).toBe(0);
  });

  test("reads every calibration, gate, slicing and step 0 there is", () => {
    const manifest = changed((json) => {
      calibrate(json, {
        kind: "matrix",
        weight: [
          [1, -0.5],
          [0, 2],
        ],
        bias: [0.1, 0],
      });
      Object.assign(json.refiner!, { axis: "fused", slices: "channels" });
      json.gate = {
        liver: fallback,
        spleen: { kind: "rescue", stage: "stage1", scope: "slices", agreement: 0.2, confidence: 0.8 },
      };
      json.largestComponent = ["liver"];
      json.step0 = { kind: "proposal", generator: "light-decoder", weights: "generator.safetensors" };
    })();
    expect(manifest.refiner!.calibration.stage1.kind).toBe("matrix");
    expect(manifest.refiner!.prompt).toMatchObject({ perComponent: false, bridgeSlices: 0 });
    expect(parse(JSON.parse(JSON.stringify(manifest)))).toEqual(manifest);
  });

  test("classes are in the order of their values", () => {
    const manifest = changed((json) => {
      json.labels = { spleen: 5, background: 0, liver: 2 };
    })();
    expect(classTable(manifest).map(({ name }) => name)).toEqual(["background", "liver", "spleen"]);
  });

  test("a model of another version is refused before anything else is looked at", () => {
    const newer = () => parse({ formatVersion: formatVersion + 1, anything: "else" });
    expect(newer).toThrow(ConfigError);
    expect(newer).toThrow(/model\.json: this model was written by a newer version of rfmedsam \(format 3\)/);
    const older = () => parse({ ...manifestJson(), formatVersion: 1 });
    expect(older).toThrow(
      /written by another version of rfmedsam \(format 1\); expected format 2\. Train the model again/,
    );
    expect(() => parse({ formatVersion: 0 })).toThrow(/another version/);
    expect(() => parse({})).toThrow(/no formatVersion/);
    expect(() => parse(null)).toThrow(/no formatVersion/);
  });

  test("an unknown key names the nearest", () => {
    const wrong = changed((json) => {
      Object.assign(json.refiner!, { prompts: {} });
    });
    expect(wrong).toThrow('unknown key "refiner.prompts" (did you mean "prompt"?)');
  });

  test.each([
    ["a label without background", (json) => (json.labels = { liver: 1, spleen: 2 }), /the background/],
    ["two labels of one value", (json) => (json.labels = { background: 0, liver: 1, spleen: 1 }), /different value/],
    ["a label beyond 255", (json) => (json.labels = { background: 0, liver: 300, spleen: 1 }), /"labels.liver" is 300/],
    ["more channels than rules", (json) => json.channelNames.push("PET"), /one entry per channel \(CT, PET\)/],
    ["an output stage of no class", (json) => (json.outputStages.lung = "step0"), /liver, spleen/],
    [
      "a stage 2 without refiner",
      (json) => {
        json.refiner = undefined;
      },
      /no refiner/,
    ],
    ["a refiner that shows a channel that is not there", (json) => (json.refiner!.channel = 1), /a channel below 1/],
    [
      "a calibration of other classes",
      (json) => calibrate(json, { kind: "class", scale: [1], bias: [0, 0] }),
      /"refiner.calibration.stage1.scale".*2 numbers/,
    ],
    [
      "a calibration that is no square",
      (json) => calibrate(json, { kind: "matrix", weight: [[1, 0], [0]], bias: [0, 0] }),
      /"refiner.calibration.stage1.weight".*2 rows of 2 numbers/,
    ],
    [
      "a calibration of no known kind",
      (json) => calibrate(json, { scale: [1, 1], bias: [0, 0] }),
      /refiner.calibration.stage1.*kind/,
    ],
    ["a gate of no class", (json) => (json.gate.lung = fallback), /"gate.lung".*liver, spleen/],
    ["a fallback from step 0", (json) => (json.gate.spleen = fallback), /rescue for a class that comes from step0/],
    [
      "a gate of a class without an output stage",
      (json) => {
        json.gate.liver = fallback;
        json.outputStages = {};
      },
      /"gate.liver".*output stage is chosen/,
    ],
    ["a threshold beyond 1", (json) => (json.gate.liver = { ...fallback, confidence: 1.5 }), /"gate.liver.confidence"/],
    [
      "a largest component of no class",
      (json) => json.largestComponent.push("lung"),
      /largestComponent.*liver, spleen/,
    ],
    ["a step 0 of no known kind", (json) => (json.step0.kind = "guess"), /"step0.*kind/],
    [
      "a proposal without refiner",
      (json) => {
        json.step0 = { kind: "proposal", generator: "light-decoder", weights: "generator.safetensors" };
        json.refiner = undefined;
        json.outputStages = {};
      },
      /unet, because the model has no refiner/,
    ],
    ["weights outside the folder", (json) => (json.step0.folds = ["../x.safetensors"]), /plain file name/],
  ] satisfies [string, (json: ReturnType<typeof manifestJson>) => unknown, RegExp][])(
    "refuses %s",
    (_, change, words) => {
      expect(changed((json) => void change(json))).toThrow(words);
    },
  );
});
