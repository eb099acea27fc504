import { ConfigError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import * as z from "zod";
import { nearestKey, parseWithSchema } from "./schema.js";

const schema = z.strictObject({
  learningRate: z.number().positive(),
  epochs: z.int().min(1).default(10),
  augmentation: z.strictObject({ rotation: z.number(), mirrorAxes: z.array(z.int()) }).optional(),
  prompt: z.discriminatedUnion("kind", [
    z.strictObject({ kind: z.literal("box"), jitter: z.number() }),
    z.strictObject({ kind: z.literal("mask"), noise: z.number() }),
  ]),
  folds: z.array(z.strictObject({ weights: z.string() })).default([]),
  patch: z.tuple([z.int(), z.int()]).nullable().default(null),
  groups: z.record(z.string(), z.strictObject({ rate: z.number() })).default({}),
  mode: z.enum(["fast", "exact"]).default("fast"),
  size: z.union([z.number(), z.strictObject({ width: z.number() })]).optional(),
  dimensions: z.union([z.literal(2), z.literal(3)]).default(3),
  spacing: z
    .union([z.literal("median"), z.literal("keep"), z.tuple([z.number().positive(), z.number().positive()])])
    .default("median"),
  weights: z.string().nullable().default(null),
});
const good = { learningRate: 0.1, prompt: { kind: "box", jitter: 1 } };

function errorOf(change: Record<string, unknown>): ConfigError {
  try {
    parseWithSchema(schema, { ...good, ...change }, { file: "train.yaml" });
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("nothing was wrong");
}

describe("parseWithSchema", () => {
  test("fills in the defaults", () => {
    expect(parseWithSchema(schema, good)).toMatchObject({ epochs: 10, folds: [], patch: null, mode: "fast" });
  });

  test.each([
    [{ learning_rate: 1 }, 'unknown key "learning_rate" (did you mean "learningRate"?)'],
    [{ epcohs: 1 }, 'unknown key "epcohs" (did you mean "epochs"?)'],
    [
      { augmentation: { rotation: 1, mirrorAxes: [], rotatoin: 2 } },
      'unknown key "augmentation.rotatoin" (did you mean "rotation"?)',
    ],
    [{ folds: [{ weights: "a" }, { weights: "a", wieghts: "b" }] }, '"folds[1].wieghts" (did you mean "weights"?)'],
    [{ groups: { adapters: { rate: 1, rat: 2 } } }, '"groups.adapters.rat" (did you mean "rate"?)'],
    [{ prompt: { kind: "mask", noise: 1, jitter: 2 } }, '"prompt.jitter" (known here: kind, noise)'],
    [{ prompt: { kind: "mask", noise: 1, nosie: 2 } }, '"prompt.nosie" (did you mean "noise"?)'],
    [{ size: { width: 1, widht: 2 } }, '"size.widht" (did you mean "width"?)'],
    [{ zzzzzzzz: 1 }, "known here: learningRate, epochs"],
  ])("an unknown key names the nearest known one: %j", (change, words) => {
    const error = errorOf(change);
    expect(error.found).toContain(words);
    expect(error.file).toBe("train.yaml");
  });

  test.each([
    [{ learningRate: "fast" }, '"learningRate" is "fast"', '"learningRate" to be a number'],
    [{ learningRate: -1 }, '"learningRate" is -1', "greater than 0"],
    [{ learningRate: undefined }, '"learningRate" is missing', "a number"],
    [{ epochs: 0.5 }, '"epochs" is 0.5', "an integer"],
    [{ epochs: 0 }, '"epochs" is 0', "greater than or equal to 1"],
    [{ mode: "slow" }, '"mode" is "slow"', 'one of "fast", "exact"'],
    [{ prompt: { kind: "click" } }, '"prompt.kind" is "click"', "box, mask"],
    [{ patch: [1, "two"] }, '"patch[1]" is "two"', "a number"],
    [{ patch: [1] }, '"patch" is [1]', "at least 2 entries"],
    [{ patch: 1 }, '"patch" is 1', '"patch" to be a list of 2 integers or null'],
    [{ weights: 1 }, '"weights" is 1', '"weights" to be a string or null'],
    [{ dimensions: 7 }, '"dimensions" is 7', '"dimensions" to be 2 or 3'],
    [{ spacing: 7 }, '"spacing" is 7', '"spacing" to be "median", "keep" or a list of 2 numbers greater than 0'],
    [{ spacing: [1] }, '"spacing" is [1]', '"spacing" to be "median", "keep" or a list of 2 numbers greater than 0'],
    [{ spacing: [1, -1] }, '"spacing[1]" is -1', '"spacing[1]" to be greater than 0'],
    [{ size: "big" }, '"size" is "big"', '"size" to be a number or { width: a number }'],
    [{ size: { width: "w" } }, '"size.width" is "w"', '"size.width" to be a number'],
  ])("a wrong value is told with what would be right: %j", (change, found, expected) => {
    const error = errorOf(change);
    expect(error.found).toContain(found);
    expect(error.expected).toContain(expected);
  });

  test("all mistakes are told at once", () => {
    const { found } = errorOf({ learningRate: -1, epochs: "x", foo: 1 });
    expect(found).toContain("learningRate");
    expect(found).toContain("epochs");
    expect(found).toContain("foo");
  });

  test("something that is no object at all", () => {
    expect(() => parseWithSchema(schema, "hello", { file: "a.json" })).toThrow(/the value is "hello".*an object/);
    expect(() => parseWithSchema(schema, undefined)).toThrow(ConfigError);
  });
});

test("nearestKey knows other spellings, typing mistakes, and when nothing is near", () => {
  const known = ["imageSize", "maskSize", "axis", "minimumArea"];
  expect(nearestKey("image_size", known)).toBe("imageSize");
  expect(nearestKey("imgSize", known)).toBe("imageSize");
  expect(nearestKey("AXIS", known)).toBe("axis");
  expect(nearestKey("minimumAera", known)).toBe("minimumArea");
  expect(nearestKey("colour", known)).toBeUndefined();
});
