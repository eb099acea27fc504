/** What a recipe needs from outside: said in words, and looked for before anything starts. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { basename, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { type CancelSignal, CheckpointError, ConfigError, FileError, type Progress } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import type { Device } from "@rfmedsam/torch";
import { datasetKindNamed } from "../dataset/convert/kinds.js";
import { type DataSource, isInLayout, lookAtData } from "./data-source.js";
import type { Recipe } from "./recipe.js";

/** Something that nobody here may hand out. */
export interface Need {
  readonly what: "data" | "weights";
  /** Which option names it. */
  readonly option: string;
  readonly title: string;
  readonly obtain: string;
  readonly licence: string;
  /** What it looks like: files and folders, a checksum. */
  readonly layout: string;
  /** All this in a sentence, for errors. */
  readonly hint: string;
}

const need = (of: Omit<Need, "hint">): Need => ({
  ...of,
  hint: `${of.title} is given out at ${of.obtain}; licence: ${of.licence}`,
});

export function needsOf({ needs, convert }: Pick<Recipe, "needs" | "convert">): Need[] {
  const kind = convert === undefined ? undefined : datasetKindNamed(convert);
  const data = kind ?? needs.data;
  const { weights } = needs;
  return [
    ...(data === undefined
      ? []
      : [
          need({
            what: "data",
            option: "--data FOLDER",
            title: kind?.title ?? "a data set in nnU-Net's layout",
            obtain: data.obtain,
            licence: data.licence,
            layout: `${data.layout}${kind === undefined ? "" : `; or what \`rfmedsam dataset convert ${convert}\` made of it`}`,
          }),
        ]),
    ...(weights === undefined
      ? []
      : [
          need({
            what: "weights",
            option: "--weights FILE",
            title: weights.file,
            obtain: weights.obtain,
            licence: weights.licence,
            layout: `${weights.file}, sha256 ${weights.sha256}`,
          }),
        ]),
  ];
}

/** A recipe and its needs as a person reads them. */
export function describeRecipe(recipe: Recipe): string {
  const needs = needsOf(recipe);
  return [
    `${recipe.name}: ${recipe.title}`,
    recipe.summary,
    `Cost: ${recipe.cost}`,
    ...(recipe.needs.gpu ? ["Needs a GPU (or --device cpu, however long that takes)."] : []),
    ...(needs.length === 0 ? ["Needs nothing from outside."] : []),
    ...needs.map(({ what, option, title, obtain, licence, layout }) =>
      [
        `Needs ${what} (${option}): ${title}`,
        `  from     ${obtain}`,
        `  licence  ${licence}`,
        `  looks    ${layout}`,
      ].join("\n"),
    ),
  ].join("\n");
}

export interface GivenNeeds {
  readonly data?: string | undefined;
  /** A file of weights, or the folder it lies in. */
  readonly weights?: string | undefined;
  /** Whether the data were converted by an earlier run, so that the download is not needed any more. Says nothing of data in nnU-Net's layout. */
  readonly converted: boolean;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

interface FoundWeights {
  /** The weights' file, if the recipe wants or was given one. */
  readonly weights: string | undefined;
  /** Sentences the user should read. */
  readonly notes: readonly string[];
}

export interface FoundNeeds extends FoundWeights {
  /** None for data that the recipe makes, or has converted. */
  readonly data: DataSource | undefined;
}

/** @throws ConfigError when a recipe for a GPU found none, and nobody said that it shall run on the CPU */
export function checkDevice({ name, needs, cost }: Recipe, found: Device, asked: Device | "auto" = "auto"): void {
  if (!needs.gpu || found !== "cpu" || asked === "cpu") return;
  throw new ConfigError({
    file: "--device",
    found: `no GPU, and the recipe ${name} is made for one (${cost})`,
    expected: "a machine with a GPU that libtorch can use",
    hint: "--device cpu runs it all the same, however long that takes; `rfmedsam recipe` lists those for a CPU",
  });
}

/**
 * Looks for everything a recipe needs; nothing is written.
 *
 * @throws ConfigError for what was not named, FileError, DatasetError for data that are not there or not these, CheckpointError for
 *   weights of the right name and other content. All say where to get what is missing.
 */
export async function checkNeeds(recipe: Recipe, given: GivenNeeds): Promise<FoundNeeds> {
  const converted = given.converted && recipe.convert !== undefined;
  for (const need of needsOf(recipe)) {
    const named = given[need.what] ?? (need.what === "data" && converted ? "" : undefined);
    if (named === undefined) {
      throw new ConfigError({
        file: need.option,
        found: `not given, and the recipe ${recipe.name} needs its ${need.what}`,
        expected: need.layout,
        hint: need.hint,
      });
    }
  }
  const data = await findData(recipe, given, converted);
  return { ...(await checkWeights(recipe, given.weights)), data };
}

async function findData(
  recipe: Recipe,
  { data: folder, progress, signal }: GivenNeeds,
  converted: boolean,
): Promise<DataSource | undefined> {
  if (folder === undefined || (converted && !(await isInLayout(folder)))) return undefined;
  const need = needsOf(recipe).find(({ what }) => what === "data");
  if (need === undefined) {
    throw new ConfigError({ file: "--data", found: folder, hint: `the recipe ${recipe.name} makes its data itself` });
  }
  return lookAtData(recipe, folder, need, { progress, signal });
}

async function checkWeights(recipe: Recipe, given: string | undefined): Promise<FoundWeights> {
  if (given === undefined) return { weights: undefined, notes: [] };
  const wanted = recipe.needs.weights;
  const hint = needsOf(recipe).find(({ what }) => what === "weights")?.hint;
  const isFolder = await stat(given).then(
    (found) => found.isDirectory(),
    (cause: unknown) => {
      throw fileErrorOf(cause, given, hint);
    },
  );
  if (isFolder && wanted === undefined)
    throw new FileError({ file: given, found: "is a folder", expected: "a file of weights" });
  const file = isFolder ? join(given, wanted!.file) : given;
  if (wanted === undefined || wanted.sha256 === "unknown")
    return {
      weights: file,
      notes: wanted === undefined ? [`The recipe itself uses no weights; ${file} is used.`] : [],
    };
  const found = await sha256Of(file, hint);
  if (found === wanted.sha256) return { weights: file, notes: [] };
  if (basename(file) !== wanted.file) {
    return { weights: file, notes: [`${file} is not ${wanted.file}, which the recipe's numbers are made with.`] };
  }
  throw new CheckpointError({
    file,
    found: `sha256 ${found}`,
    expected: wanted.sha256,
    hint: `the file is damaged or another one of that name; ${hint}`,
  });
}

async function sha256Of(file: string, hint: string | undefined): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(file), hash);
  } catch (cause) {
    throw fileErrorOf(cause, file, hint);
  }
  return hash.digest("hex");
}
