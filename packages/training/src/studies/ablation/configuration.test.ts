/** An ablation's file, the models it needs, and its table. */
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError, FileError } from "@rfmedsam/base";
import { renderText } from "@rfmedsam/metrics";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { overlay } from "../../config.js";
import type { Measured } from "../common/measurements.js";
import { readAblation } from "./configuration.js";
import { neededModels } from "./models.js";
import { ablationStudy } from "./result.js";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "ablation-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function written(text: string) {
  const file = join(folder, "a.yaml");
  await writeFile(file, text);
  return readAblation(file);
}

const head = "title: T\npreset: demo\nchanges: { refiner: { iterations: 5 }, folds: 2 }\n";

describe("the file", () => {
  test("makes every variant's configuration from preset, the base's changes and its own", async () => {
    const { variants, seed } = await written(
      `${head}variants:\n  repeat: { about: r, changes: { refiner: { slices: repeat } } }\n  one: { about: s, stage: stage1 }\n`,
    );
    const [base, repeat, one] = variants;
    expect(seed).toBe(0);
    expect(variants.map(({ name }) => name)).toEqual(["base", "repeat", "one"]);
    expect(repeat!.configuration.refiner).toEqual({ ...base.configuration.refiner, slices: "repeat" });
    expect(base.configuration.refiner).toMatchObject({ iterations: 5, slices: "adjacent" });
    expect(one).toMatchObject({ stage: "stage1", configuration: base.configuration });
  });

  test.each([
    ["no variants", "variants: {}", /no variants/],
    ["a variant of nothing", "variants: { same: { about: a } }", /variant same: nothing that differs from base/],
    [
      "a stage without a refiner",
      "variants: { x: { about: a, stage: stage2, changes: { refiner: { enabled: false } } } }",
      /stage2 of a model without a refiner/,
    ],
    ["a name that is a folder of ours", "variants: { measured: { about: a, stage: step0 } }", /called "measured"/],
    ["a name that is no folder", "variants: { '../x': { about: a, stage: step0 } }", /small letters/],
    ["an unknown stage", "variants: { x: { about: a, stage: stage3 } }", /stage/],
    ["an unknown key", "variants: { x: { about: a, changes: { refiner: { slicez: 1 } } } }", /variant x: .*slicez/],
    ["no YAML", "variants: [", /neither YAML nor JSON/],
  ])("with %s is refused", async (_, text, message) => {
    const read = written(`${head}${text}\n`);
    await expect(read).rejects.toThrow(ConfigError);
    await expect(read).rejects.toThrow(message);
  });

  test("takes the variants of another file beside it, over its own base", async () => {
    const of = (variantsOf: string) => `title: T\npreset: cpu\nvariantsOf: ${variantsOf}\n`;
    const put = (name: string, text: string) => writeFile(join(folder, name), text);
    await put("others.yaml", `${head}variants: { repeat: { about: r, changes: { refiner: { slices: repeat } } } }\n`);
    const { variants, title } = await written(of("others.yaml"));
    expect([title, ...variants.map(({ name }) => name)]).toEqual(["T", "base", "repeat"]);
    expect(variants[0].configuration.refiner.iterations).not.toBe(5);
    expect(variants[1]!.configuration.refiner).toEqual({ ...variants[0].configuration.refiner, slices: "repeat" });
    await expect(written(`${of("others.yaml")}variants: {}\n`)).rejects.toThrow(/both variants and variantsOf/);
    await expect(written("title: T\npreset: cpu\n")).rejects.toThrow(/neither variants nor variantsOf/);
    await put("chain.yaml", of("others.yaml"));
    await expect(written(of("chain.yaml"))).rejects.toThrow(/chain\.yaml: no variants of its own/);
    await expect(written(of("none.yaml"))).rejects.toThrow(FileError);
  });

  test("lists and single values are replaced whole, tables are merged", () => {
    expect(overlay({ a: { b: 1, c: [1, 2] }, d: null }, { a: { c: [3] }, d: { e: 1 } })).toEqual({
      a: { b: 1, c: [3] },
      d: { e: 1 },
    });
  });

  test("those of this project can be read, and cover what METHOD leaves open", async () => {
    const shipped = fileURLToPath(new URL("../../../../../recipes/ablation/", import.meta.url));
    const names = (await readdir(shipped)).filter((name) => name.endsWith(".yaml"));
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      const { variants } = await readAblation(join(shipped, name));
      const of = <T>(pick: (variant: (typeof variants)[number]) => T) => new Set(variants.map(pick));
      expect(of((v) => v.configuration.refiner.generator).size).toBe(3);
      expect(of((v) => v.configuration.refiner.calibration).size).toBe(3);
      expect(of((v) => v.configuration.refiner.slices).size).toBe(2);
      expect(of((v) => v.configuration.prompting).size).toBe(2);
      expect(of((v) => v.configuration.refiner.adapters === null).size).toBe(2);
      expect(of((v) => v.stage)).toEqual(new Set([undefined, "step0", "stage1"]));
    }
  });
});

test("models are trained once, and take over a step 0 that is the same, and a refiner", async () => {
  const { variants } = await written(
    `${head}variants:
  stage1: { about: a, stage: stage1 }
  repeat: { about: a, changes: { refiner: { slices: repeat } } }
  repeat1: { about: a, stage: stage1, changes: { refiner: { slices: repeat } } }
  tokens: { about: a, changes: { refiner: { generator: learned-tokens } } }
  wide: { about: a, changes: { step0: { baseFeatures: 12 } } }
  tokens-ungated: { about: a, changes: { refiner: { generator: learned-tokens }, choice: { gate: false } } }
  in-fold: { about: a, changes: { prompting: inFold } }
  ungated: { about: a, changes: { choice: { gate: false } } }
  repeat-ungated: { about: a, changes: { refiner: { slices: repeat }, choice: { gate: false } } }
  wide-repeat: { about: a, changes: { step0: { baseFeatures: 12 }, refiner: { slices: repeat } } }
  chance: { about: a, seedOffset: 1 }
  chance-stage1: { about: a, seedOffset: 1, stage: stage1 }
  chance-repeat: { about: a, seedOffset: 1, changes: { refiner: { slices: repeat } } }
`,
  );
  const needed = neededModels(variants).map(({ name, workFrom, keepWork }) => [name, workFrom, keepWork]);
  expect(needed).toEqual([
    ["base", undefined, true],
    ["repeat", "base", true],
    ["tokens", undefined, true],
    ["wide", undefined, true],
    ["tokens-ungated", "tokens", false],
    ["in-fold", "base", false],
    ["ungated", "base", false],
    ["repeat-ungated", "repeat", false],
    ["wide-repeat", "wide", false],
    ["chance", undefined, true],
    ["chance-repeat", "chance", false],
  ]);
});

describe("the table", () => {
  /** Twelve cases or fewer of which `worse` and `same` are what they are called. */
  async function studyOf(count: number) {
    const { variants } = await written(
      `${head}variants: { worse: { about: w, stage: step0 }, same: { about: s, stage: stage1 } }\n`,
    );
    const cases = Array.from({ length: count }, (_, at) => `case${at}`);
    const arms = {
      base: () => 0.8,
      worse: (at: number) => 0.7 - 0.001 * at,
      same: (at: number) => 0.8 + (at % 2 ? 1 : -1) * 0.001 * at,
    };
    const measured: Measured = {
      labels: ["liver"],
      cases,
      measurements: Object.entries(arms).flatMap(([arm, dice]) =>
        cases.map((id, at) => ({ arm, case: id, scores: { dice: [dice(at)] }, seconds: 1, memory: 1 })),
      ),
    };
    return ablationStudy({ title: "T", summary: "S.", variants }, measured, []);
  }

  test("tells differences that are certain from those that are not", async () => {
    const { table, verdict } = await studyOf(12);
    expect(verdict).toEqual([
      expect.stringMatching(/^worse: −10\.6 points of Dice against the base \(−10\.\d to −10\.\d\)\.$/),
    ]);
    expect(table.rows.map(([name]) => name)).toEqual(["base", "worse", "same"]);
    expect(renderText(table)).toContain("p, corrected");
  });

  test("says that cases are too few for the test to tell anything", async () => {
    const { verdict } = await studyOf(6);
    expect(verdict).toEqual([
      "Too few cases for the test: with 6, p corrected for 2 is at least 0.063 whatever the differences are.",
      expect.stringMatching(/^Not corrected, these intervals leave 0 out: worse: −10\.3 points [^;]*\.$/),
    ]);
  });
});
