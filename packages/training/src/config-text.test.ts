import { describeSchema, type SchemaDescription } from "@rfmedsam/segmenter";
import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import { resolveConfiguration, trainingSchema } from "./config.js";
import { describeConfiguration } from "./config-text.js";
import { presets } from "./presets.js";

/** Every key with its dotted name. */
function* keysOf({ keys = {} }: SchemaDescription, path = ""): Generator<[string, SchemaDescription]> {
  for (const [key, value] of Object.entries(keys)) {
    const name = path === "" ? key : `${path}.${key}`;
    yield [name, value];
    yield* keysOf(value, name);
  }
}
const known = [...keysOf(describeSchema(trainingSchema))];

test("every key says what it means, and what it may be", () => {
  expect(known.length).toBeGreaterThan(90);
  for (const [name, { text, allowed }] of known) {
    expect(text, name).toMatch(/^[A-Za-z0-9].*\.$/s);
    expect(allowed, name).not.toMatch(/any value|undefined/);
  }
  const allowed = Object.fromEntries(known.map(([name, { allowed }]) => [name, allowed]));
  expect(allowed).toMatchObject({
    folds: "an integer greater than 0",
    "preprocessing.spacing": '"median", "low", "keep" or a list of 3 numbers greater than 0',
    "step0.dimensions": "2 or 3",
    "step0.momentum": "a number greater than or equal to 0 and less than 1",
    "step0.batchDice": '"auto", true or false',
    "refiner.weights": "a string or null",
    "refiner.groups": "a list of { pattern: a string, rate: a number greater than or equal to 0 }",
    "refiner.adapters.rate": "a number greater than 0",
  });
});

describe("a configuration in words", () => {
  test.each(Object.keys(presets) as (keyof typeof presets)[])("is a file that says the same: %s", (name) => {
    const text = describeConfiguration(presets[name]);
    expect(parse(text)).toEqual(presets[name]);
    for (const line of text.split("\n")) expect(line.length).toBeLessThanOrEqual(120);
    for (const [path] of known) expect(text).toMatch(new RegExp(`^ *${path.split(".").at(-1)}:`, "m"));
  });

  test("keeps what was changed, and texts that YAML would take for something else", () => {
    const groups = [{ pattern: "^a\\.b: ,[1]", rate: 0 }];
    const changed = resolveConfiguration("cpu", {
      preprocessing: { spacing: [1.5, 1, 1] },
      step0: { augmentation: { mirrorAxes: [0, 2] } },
      refiner: { adapters: null, weights: "no", groups },
    });
    const text = describeConfiguration(changed);
    expect(parse(text)).toEqual(changed);
    expect(text).toMatch(
      /^ {2}# Allowed: \{ placements: a list of at least 1 of "hiera", [^#]*(\n {2}# .*)*or null\.\n {2}adapters: null$/m,
    );
    expect(text).toMatch(
      /^ {2}# Whether the U-Net sees slices or volumes\.\n {2}# Allowed: 2 or 3\.\n {2}dimensions: 3$/m,
    );
    expect(text).toMatch(/^ {2}spacing: \[1\.5, 1, 1\]$/m);
  });
});
