/**
 * An ablation as data, a YAML file:
 *
 *   title, summary            in words
 *   preset, changes, seed     the base
 *   variants                  name → about, and what differs from the base: changes of the configuration, the stage that answers, the seed
 *   variantsOf                another ablation's file, beside this one, whose variants these are, instead of `variants`
 */
import { dirname, resolve } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { parseWithSchema, type StageName, stageNames } from "@rfmedsam/segmenter";
import * as z from "zod";
import { overlay, resolveConfiguration, type TrainingConfiguration } from "../../config.js";
import { presetNamed } from "../../presets.js";
import { readYaml } from "../../read-yaml.js";

const sentence = z.string().trim().min(1);
const changes = z.record(z.string(), z.unknown());

const schema = z.strictObject({
  title: sentence,
  summary: sentence.default("One thing changed at a time."),
  preset: z.string(),
  changes: changes.default({}),
  seed: z.int().min(0).default(0),
  variants: z
    .record(
      z.string(),
      z.strictObject({
        about: sentence,
        changes: changes.default({}),
        /** Every label comes from this stage, whatever was chosen for it. */
        stage: z.enum(stageNames).optional(),
        /** Added to the study's seed: what chance alone changes. */
        seedOffset: z.int().min(0).default(0),
      }),
    )
    .optional(),
  variantsOf: z.string().optional(),
});

type Written = z.output<typeof schema>;

/** The row that the others are compared with. */
export const baseName = "base";
/** A name becomes a folder; these are folders of a study already. */
const folderName = /^[a-z0-9][a-z0-9-]*$/;
const reserved: readonly string[] = [baseName, "measured"];

export interface Variant {
  readonly name: string;
  readonly about: string;
  readonly configuration: TrainingConfiguration;
  readonly stage: StageName | undefined;
  /** Its models' seed is the study's and this. */
  readonly seedOffset: number;
}

export interface Ablation {
  readonly file: string;
  readonly title: string;
  readonly summary: string;
  readonly seed: number;
  /** The base first. */
  readonly variants: readonly [Variant, ...Variant[]];
}

/** @throws FileError; ConfigError for what is wrong in the file, and for variants that differ in nothing from one before */
export async function readAblation(file: string): Promise<Ablation> {
  const { title, summary, preset, seed, ...found } = await readWritten(file);
  const named = presetNamed(preset, file);
  const base: Variant = {
    name: baseName,
    about: `the preset ${preset}${Object.keys(found.changes).length === 0 ? "" : ", changed"}`,
    configuration: resolveConfiguration(named, found.changes, file),
    stage: undefined,
    seedOffset: 0,
  };
  const variants = Object.entries(await writtenVariants(found, file)).map(([name, variant]): Variant => {
    const where = `${file}, variant ${name}`;
    if (reserved.includes(name) || !folderName.test(name)) {
      throw new ConfigError({
        file,
        found: `a variant called ${JSON.stringify(name)}`,
        expected: `small letters, digits and hyphens, for it becomes a folder, and none of ${reserved.join(", ")}`,
      });
    }
    const configuration = resolveConfiguration(named, overlay(found.changes, variant.changes), where);
    checkStage(configuration, variant.stage, where);
    return { name, about: variant.about, configuration, stage: variant.stage, seedOffset: variant.seedOffset };
  });
  if (variants.length === 0) throw new ConfigError({ file, found: "no variants", expected: "at least one" });
  checkDifferent([base, ...variants], file);
  return { file, title, summary, seed, variants: [base, ...variants] };
}

const readWritten = async (file: string): Promise<Written> => parseWithSchema(schema, await readYaml(file), { file });

async function writtenVariants(
  { variants, variantsOf }: Pick<Written, "variants" | "variantsOf">,
  file: string,
): Promise<NonNullable<Written["variants"]>> {
  if ((variants === undefined) === (variantsOf === undefined))
    throw new ConfigError({
      file,
      found: variants === undefined ? "neither variants nor variantsOf" : "both variants and variantsOf",
      expected: "one of them",
    });
  if (variants !== undefined) return variants;
  const other = resolve(dirname(file), variantsOf!);
  const theirs = (await readWritten(other)).variants;
  if (theirs !== undefined) return theirs;
  throw new ConfigError({ file: other, found: "no variants of its own", expected: `those that ${file} takes over` });
}

function checkStage({ refiner }: TrainingConfiguration, stage: StageName | undefined, file: string): void {
  if (stage === undefined || stage === "step0" || refiner.enabled) return;
  throw new ConfigError({
    file,
    found: `${stage} of a model without a refiner`,
    expected: "step0, or refiner.enabled: true",
  });
}

/** What a variant measures: two with the same would be measured twice. */
export const identityOf = ({
  configuration,
  stage,
  seedOffset,
}: Pick<Variant, "configuration" | "stage" | "seedOffset">): string =>
  JSON.stringify([configuration, stage ?? null, ...(seedOffset === 0 ? [] : [seedOffset])]);

function checkDifferent(variants: readonly Variant[], file: string): void {
  const seen = new Map<string, string>();
  for (const variant of variants) {
    const same = seen.get(identityOf(variant));
    if (same !== undefined) {
      throw new ConfigError({
        file: `${file}, variant ${variant.name}`,
        found: `nothing that differs from ${same}`,
        expected: "changes, a stage, or a seedOffset",
      });
    }
    seen.set(identityOf(variant), variant.name);
  }
}
