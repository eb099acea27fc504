/** `run.json` of a record: what is known about a run, as it becomes known. Everything may be missing: the run may not have come so far. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { gateRuleSchema, parseWithSchema } from "@rfmedsam/segmenter";
import * as z from "zod";

export const factsFile = "run.json";

const count = z.int().min(0);
/** JSON has no NaN: a label in neither truth nor prediction has no Dice. */
const measured = z.number().nullable();

const schema = z.looseObject({
  dataset: z
    .looseObject({
      name: z.string(),
      /** Cases that are trained on, those kept for validation among them. */
      cases: count.optional(),
      /** Name → value, background among them. */
      labels: z.record(z.string(), count),
      channels: z.array(z.string()),
    })
    .optional(),
  /** The resolved training configuration, and the planner's plan. */
  configuration: z.record(z.string(), z.unknown()).optional(),
  plan: z.record(z.string(), z.unknown()).optional(),
  seed: z.int().optional(),
  device: z.string().optional(),
  threads: z.int().optional(),
  versions: z.record(z.string(), z.string()).optional(),
  /** Bytes each phase of the run was expected to take, of the computer's memory or of a graphics card's. */
  memory: z
    .array(z.looseObject({ phase: z.string(), place: z.enum(["host", "device"]), bytes: z.number().min(0) }))
    .optional(),
  /** Cases that are measured: those that the refiner does not learn from; without one those that a U-Net has not seen. */
  validationCases: z.array(z.string()).optional(),
  /** Dice of one label of one validation case by every stage. */
  validation: z
    .array(z.looseObject({ case: z.string(), label: z.string(), dice: z.record(z.string(), measured) }))
    .optional(),
  /** What was decided for each label, and why. */
  choices: z
    .array(
      z.looseObject({
        label: z.string(),
        stage: z.string(),
        /** When a case's label comes from elsewhere after all; null for never. */
        gate: gateRuleSchema.nullable().optional(),
        largestComponent: z.boolean().optional(),
        reason: z.string().optional(),
      }),
    )
    .optional(),
  /** Set when the model is complete. */
  finished: z.boolean().optional(),
});

type Known = z.output<typeof schema>;

/** What is known about a run. Objects are kept whole, whatever else is in them. */
export type RunFacts = {
  readonly [Key in keyof Known as string extends Key ? never : Key]?: Key extends "configuration" | "plan"
    ? object | undefined
    : Known[Key];
};

/** @throws ConfigError when the file is not a record's */
export async function readFacts(folder: string): Promise<RunFacts> {
  const file = join(folder, factsFile);
  if (!existsSync(file)) return {};
  const text = new TextDecoder().decode(await readFileOrExplain(file));
  let parsed: unknown;
  try {
    parsed = JSON.parse(text);
  } catch (cause) {
    throw new ConfigError({ file, found: "this is not JSON", expected: "the run.json that training wrote", cause });
  }
  return parseWithSchema(schema, parsed, { file });
}

type Validation = NonNullable<RunFacts["validation"]>;

/** A validation's rows, with names for classes. @param names of the classes in the network's order, background first */
export function validationRows(
  rows: readonly { readonly case: string; readonly class: number; readonly dice: Readonly<Record<string, number>> }[],
  names: readonly string[],
): Validation {
  return rows.map(({ case: id, class: index, dice }) => ({
    case: id,
    label: names[index] ?? `class ${index}`,
    dice: Object.fromEntries(
      Object.entries(dice).map(([stage, value]) => [stage, Number.isFinite(value) ? value : null]),
    ),
  }));
}

/** Mean Dice over the cases by "validation/LABEL/STAGE"; labels that no case has are left out. */
export function validationMeans(rows: Validation): Record<string, number> {
  const sums = new Map<string, { sum: number; count: number }>();
  for (const { label, dice } of rows) {
    for (const [stage, value] of Object.entries(dice)) {
      if (value === null) continue;
      const name = `validation/${label}/${stage}`;
      const known = sums.get(name) ?? { sum: 0, count: 0 };
      sums.set(name, { sum: known.sum + value, count: known.count + 1 });
    }
  }
  return Object.fromEntries([...sums].map(([name, { sum, count: n }]) => [name, sum / n]));
}
