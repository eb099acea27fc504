/**
 * From a zod schema to an error a person can act on: every key that is wrong is named with its value and what would have been
 * right, and an unknown key with the nearest known one. Model folders, training configurations and commands all read through here.
 */
import { ConfigError } from "@rfmedsam/base";
import * as z from "zod";
import { describeSchema } from "./schema-words.js";

export interface ParseOptions {
  /** The file (or option) the value came from; named in the error. */
  readonly file?: string;
  readonly hint?: string;
}

/**
 * @returns the value with the schema's defaults filled in
 * @throws ConfigError that names every wrong key (the first eight)
 */
export function parseWithSchema<Schema extends z.ZodType>(
  schema: Schema,
  value: unknown,
  { file, hint }: ParseOptions = {},
): z.output<Schema> {
  const result = schema.safeParse(value, { reportInput: true });
  if (result.success) return result.data;
  const facts = result.error.issues.flatMap((issue) => describeIssue(schema, value, issue));
  const shown = facts.slice(0, 8);
  const more = facts.length - shown.length;
  throw new ConfigError({
    file,
    found: shown.map((fact) => fact.found).join("; ") + (more > 0 ? `; and ${more} more` : ""),
    expected: [...new Set(shown.flatMap((fact) => fact.expected ?? []))].join("; ") || undefined,
    hint,
  });
}

/** The known key most like an unknown one, or none when nothing is near (edit distance with swaps, at most half the key). */
export function nearestKey(unknown: string, known: readonly string[]): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.floor(Math.max(unknown.length, 3) / 2) + 1;
  for (const key of known) {
    const distance = plainForm(key) === plainForm(unknown) ? 0 : editDistance(unknown.toLowerCase(), key.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [key, distance];
  }
  return best;
}

interface Fact {
  readonly found: string;
  readonly expected?: string;
}

function describeIssue(schema: z.ZodType, root: unknown, issue: z.core.$ZodIssue): Fact[] {
  const where = pathText(issue.path);
  if (issue.code === "unrecognized_keys") {
    const known = knownKeys(schema, root, issue.path);
    return issue.keys.map((key) => {
      const nearest = nearestKey(key, known);
      const choice = nearest === undefined ? `known here: ${known.join(", ")}` : `did you mean "${nearest}"?`;
      return { found: `unknown key "${pathText([...issue.path, key])}" (${choice})` };
    });
  }
  if (issue.code === "invalid_union") {
    // Of the branches whose kind of value it is, the one with the fewest complaints inside: telling all of them helps nobody.
    const meant = issue.errors.filter((branch) => branch.length > 0 && branch.every(isInside));
    const [branch] = meant.sort((a, b) => a.length - b.length);
    const nested = branch?.map((inner) => ({ ...inner, path: [...issue.path, ...inner.path] }) as z.core.$ZodIssue);
    if (nested !== undefined) return nested.flatMap((inner) => describeIssue(schema, root, inner));
  }
  const name = where === "" ? "the value" : `"${where}"`;
  const input = valueAt(root, issue.path);
  const [target] = schemasAt(schema, root, issue.path);
  return [
    {
      found: input === undefined ? `${name} is missing` : `${name} is ${showValue(input)}`,
      expected:
        target !== undefined && needsWords(issue, target)
          ? `${name} to be ${describeSchema(target).allowed}`
          : expectation(issue, name),
    },
  ];
}

/** Whether a complaint names but a part of what would have been right. */
function needsWords(issue: z.core.$ZodIssue, schema: z.core.$ZodType): boolean {
  if (issue.code === "invalid_union") return issue.errors.length > 0;
  return issue.code === "invalid_type" && (issue.expected === "tuple" || mayBeNull(schema));
}

function mayBeNull({ _zod: { def } }: z.core.$ZodType): boolean {
  const { type, innerType }: Definition = def;
  return type === "nullable" || (innerType !== undefined && mayBeNull(innerType));
}

/** A complaint about a part of the value, not about what it is. */
const isInside = ({ path, code }: z.core.$ZodIssue) => path.length > 0 || code === "unrecognized_keys";

function expectation(issue: z.core.$ZodIssue, name: string): string {
  const strict = (inclusive: boolean | undefined, word: string) =>
    inclusive === false ? `${word} than` : `${word} than or equal to`;
  switch (issue.code) {
    case "invalid_type":
      return `${name} to be ${withArticle(issue.expected)}`;
    case "invalid_value":
      return `${name} to be ${issue.values.length > 1 ? "one of " : ""}${issue.values.map((v) => showValue(v)).join(", ")}`;
    case "too_small":
      return hasLength(issue.origin)
        ? `${name} to have at least ${issue.minimum} ${unit(issue.origin)}`
        : `${name} to be ${strict(issue.inclusive, "greater")} ${issue.minimum}`;
    case "too_big":
      return hasLength(issue.origin)
        ? `${name} to have at most ${issue.maximum} ${unit(issue.origin)}`
        : `${name} to be ${strict(issue.inclusive, "less")} ${issue.maximum}`;
    case "invalid_union":
      return issue.discriminator === undefined
        ? `${name}: ${issue.message}`
        : `${name} to be a known "${issue.discriminator}"${"options" in issue && Array.isArray(issue.options) ? `: ${issue.options.join(", ")}` : ""}`;
    default:
      return `${name}: ${issue.message}`;
  }
}

const hasLength = (origin: string) => origin === "string" || origin === "array" || origin === "set";
const unit = (origin: string) => (origin === "string" ? "characters" : "entries");

function withArticle(expected: string): string {
  const word = expected === "int" ? "integer" : expected === "record" ? "object" : expected;
  return `${/^[aeiou]/.test(word) ? "an" : "a"} ${word}`;
}

/** All keys that an object at the given path may have, over every branch of a union that can be meant. */
function knownKeys(schema: z.core.$ZodType, root: unknown, path: readonly PropertyKey[]): string[] {
  const candidates = schemasAt(schema, root, path).flatMap((each) => unwrap(each, valueAt(root, path)));
  return [...new Set(candidates.flatMap((candidate) => ("shape" in candidate ? Object.keys(candidate.shape) : [])))];
}

/** The schemas that a value at the given path is held against: several where a union on the way leaves it open. */
function schemasAt(schema: z.core.$ZodType, root: unknown, path: readonly PropertyKey[]): z.core.$ZodType[] {
  let schemas = [schema];
  path.forEach((step, depth) => {
    const value = valueAt(root, path.slice(0, depth));
    schemas = schemas.flatMap((each) => unwrap(each, value)).flatMap((candidate) => child(candidate, step));
  });
  return schemas;
}

/** The parts of zod's definitions that are walked; everything else is a leaf. */
type Definition = z.core.$ZodTypeDef & {
  readonly innerType?: z.core.$ZodType;
  readonly in?: z.core.$ZodType;
  readonly getter?: () => z.core.$ZodType;
  readonly options?: readonly z.core.$ZodType[];
  readonly discriminator?: string;
  readonly shape?: Readonly<Record<string, z.core.$ZodType>>;
  readonly catchall?: z.core.$ZodType;
  readonly element?: z.core.$ZodType;
  readonly items?: readonly z.core.$ZodType[];
  readonly valueType?: z.core.$ZodType;
};

/** Looks through optional, default, pipe, lazy and union wrappers; of a discriminated union only the branch the value names. */
function unwrap(schema: z.core.$ZodType, value: unknown): Definition[] {
  const definition: Definition = schema._zod.def;
  const inner = definition.innerType ?? definition.in ?? definition.getter?.();
  if (inner !== undefined) return unwrap(inner, value);
  if (definition.options === undefined) return [definition];
  const branches = definition.options.flatMap((option) => unwrap(option, value));
  const { discriminator } = definition;
  if (discriminator === undefined || !isObject(value)) return branches;
  const named = branches.filter((branch) => {
    const key = branch.shape?.[discriminator];
    return key !== undefined && z.safeParse(key, value[discriminator]).success;
  });
  return named.length > 0 ? named : branches;
}

function child(definition: Definition, step: PropertyKey): z.core.$ZodType[] {
  const found =
    definition.shape?.[step as string] ??
    definition.items?.[step as number] ??
    definition.element ??
    definition.valueType ??
    definition.catchall;
  return found === undefined ? [] : [found];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}

function valueAt(root: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>((value, step) => (isObject(value) ? value[step as string] : undefined), root);
}

function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>(
    (text, step) =>
      typeof step === "number" ? `${text}[${step}]` : text === "" ? String(step) : `${text}.${String(step)}`,
    "",
  );
}

function showValue(value: unknown): string {
  const text = typeof value === "bigint" ? `${value}` : (JSON.stringify(value) ?? String(value));
  return text.length > 60 ? `${text.slice(0, 57)}…` : text;
}

const plainForm = (key: string) => key.toLowerCase().replaceAll(/[^a-z0-9]/g, "");

/** Damerau–Levenshtein distance (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (last[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      let best = Math.min(change, (last[j] as number) + 1, (row[j - 1] as number) + 1);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]) {
        best = Math.min(best, (beforeLast[j - 2] as number) + 1);
      }
      row.push(best);
    }
    [beforeLast, last] = [last, row];
  }
  return last[b.length] as number;
}
