/**
 * A recipe: how a table of results comes from raw data, as data. A recipe is a YAML file; those of this project are `recipes/NAME/recipe.yaml`.
 *
 *   title, summary, cost     in words
 *   needs                    what must be there before anything starts: data (unless they are made), weights
 *   convert | phantom        a row of the converters' table, or the phantoms to make
 *   split, fold              which cases are learned from and which are measured
 *   train                    preset and changes
 *   evaluate                 measures
 */
import { existsSync } from "node:fs";
import { readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { metricNames } from "@rfmedsam/metrics";
import { nearestKey, parseWithSchema } from "@rfmedsam/segmenter";
import * as z from "zod";
import { resolveConfiguration, type TrainingConfiguration } from "../config.js";
import { type DatasetKindName, datasetKinds } from "../dataset/convert/kinds.js";
import { presetNamed } from "../presets.js";
import { readYaml } from "../read-yaml.js";

const sentence = z.string().trim().min(1);
const spacing = z.union([z.number().positive(), z.tuple([z.number().positive(), z.number().positive()])]);

const recipeSchema = z
  .strictObject({
    title: sentence,
    summary: sentence,
    /** What it takes: machine, hours; measured, or said to be a guess. */
    cost: sentence,
    needs: z
      .strictObject({
        /** Not to be begun without a GPU, unless it is asked for. */
        gpu: z.boolean().default(false),
        /** A folder in nnU-Net's layout. Data that are converted are described by their row of the converters' table. */
        data: z.strictObject({ obtain: sentence, licence: sentence, layout: sentence }).optional(),
        weights: z
          .strictObject({
            file: z.string().regex(/^[^/\\]+$/, "a plain file name"),
            obtain: z.url(),
            licence: sentence,
            sha256: z.union([z.literal("unknown"), z.string().regex(/^[0-9a-f]{64}$/, "64 hexadecimal digits")]),
          })
          .optional(),
      })
      .prefault({}),
    convert: z.enum(Object.keys(datasetKinds) as [DatasetKindName, ...DatasetKindName[]]).optional(),
    phantom: z
      .strictObject({
        cases: z.int().positive(),
        test: z.int().positive(),
        modality: z.enum(["ct", "mr"]).default("ct"),
        inPlaneSpacing: spacing.optional(),
        sliceSpacing: spacing.optional(),
        absence: z.number().min(0).max(1).optional(),
      })
      .optional(),
    /** `published`: the data set's own splits_final.json; `heldOut`: measured on imagesTs; else a file beside the recipe. */
    split: z.string().min(1),
    /** Unless `--fold` says otherwise. */
    fold: z.union([z.literal("all"), z.int().min(0)]).default("all"),
    seed: z.int().min(0).default(0),
    train: z.strictObject({ preset: z.string(), changes: z.record(z.string(), z.unknown()).default({}) }),
    evaluate: z
      .strictObject({
        metrics: z.array(z.enum(metricNames)).min(1).default(["dice", "hd95", "assd", "surfaceDice"]),
        /** mm, of the surface Dice. */
        tolerances: z.array(z.number().min(0)).min(1).default([1, 2]),
        definition: z.enum(["deepmind", "medpy", "monai"]).default("deepmind"),
      })
      .prefault({}),
  })
  .check(({ value, issues }) => {
    const sources = [value.convert, value.phantom, value.needs.data].filter((each) => each !== undefined);
    if (sources.length !== 1) {
      const message = "one source of data: convert, phantom or needs.data";
      issues.push({ code: "custom", path: ["needs", "data"], message, input: sources.length });
    }
    if (value.split === "heldOut" && value.fold !== "all") {
      const message = "none, where the split is held out and has no folds";
      issues.push({ code: "custom", path: ["fold"], message, input: value.fold });
    }
  });

type Written = z.output<typeof recipeSchema>;

export interface Recipe extends Omit<Written, "train"> {
  /** The folder's name, or the file's. */
  readonly name: string;
  readonly file: string;
  readonly configuration: TrainingConfiguration;
}

/** Where this project's recipes lie. */
export const recipeFolder = fileURLToPath(new URL("../../../../recipes", import.meta.url));
const recipeName = "recipe.yaml";

/** The names of this project's recipes. */
export async function recipeNames(): Promise<string[]> {
  let names: string[];
  try {
    names = await readdir(recipeFolder);
  } catch (cause) {
    throw fileErrorOf(
      cause,
      recipeFolder,
      "recipes come with the repository; a recipe of your own is given by its file",
    );
  }
  return names.filter((name) => existsSync(join(recipeFolder, name, recipeName))).sort();
}

/**
 * @param nameOrFile a recipe of this project, or a YAML file
 * @throws ConfigError for an unknown name and for what is wrong in the file; FileError
 */
export async function readRecipe(nameOrFile: string): Promise<Recipe> {
  const isFile = /\.ya?ml$/i.test(nameOrFile) || nameOrFile.includes("/");
  if (!isFile) await refuseUnknown(nameOrFile);
  const file = isFile ? nameOrFile : join(recipeFolder, nameOrFile, recipeName);
  const parsed = await readYaml(file, "a recipe", "name a recipe, or a YAML file that is one");
  const { train, ...recipe } = parseWithSchema(recipeSchema, parsed, { file });
  const configuration = resolveConfiguration(presetNamed(train.preset, file), train.changes, file);
  const name = isFile ? resolve(file).split("/").slice(-2).join("/") : nameOrFile;
  return { ...recipe, name, file, configuration };
}

async function refuseUnknown(name: string): Promise<void> {
  const names = await recipeNames();
  if (names.includes(name)) return;
  const nearest = nearestKey(name, names);
  throw new ConfigError({
    file: "recipe",
    found: `no recipe is called "${name}"${nearest === undefined ? "" : ` (did you mean ${nearest}?)`}`,
    expected: names.join(", "),
    hint: "a recipe of your own is given by its file: my-recipe.yaml",
  });
}

/** The split's file, where it is one. */
export function splitFileOf({ split, file }: Pick<Recipe, "split" | "file">): string | undefined {
  return split === "published" || split === "heldOut" ? undefined : resolve(dirname(file), split);
}
