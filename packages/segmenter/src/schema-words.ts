/**
 * What a schema allows, in words: `"auto" or an integer greater than 0`. Read off the JSON Schema that zod makes of it, which leaves out
 * rules that are functions: what they ask for has to stand in the key's description.
 */
import * as z from "zod";

type JsonSchema = z.core.JSONSchema.JSONSchema;

/** A schema as a person reads it. */
export interface SchemaDescription {
  /** What it is said to mean (`.describe()`). */
  readonly text: string | undefined;
  /** Everything it may be, `null` included. */
  readonly allowed: string;
  /** What a table may hold, in its order; undefined where it is none. */
  readonly keys: Readonly<Record<string, SchemaDescription>> | undefined;
}

export function describeSchema(schema: z.core.$ZodType): SchemaDescription {
  return describe(z.toJSONSchema(schema, { io: "input", unrepresentable: "any" }));
}

function describe(json: JsonSchema): SchemaDescription {
  const table = [json, ...(json.anyOf ?? [])].filter(isSchema).find(({ properties }) => properties !== undefined);
  const keys = table && propertiesOf(table).map(([name, value]) => [name, describe(value)] as const);
  return { text: json.description, allowed: orJoin(options(json)), keys: keys && Object.fromEntries(keys) };
}

/** @param plural of a list: numbers instead of a number */
function options(json: JsonSchema, plural = false): string[] {
  if (json.const !== undefined) return [JSON.stringify(json.const)];
  if (json.enum !== undefined) return json.enum.map((value) => JSON.stringify(value));
  const branches = json.anyOf ?? json.oneOf;
  if (branches !== undefined) return branches.filter(isSchema).flatMap((branch) => options(branch, plural));
  const types: unknown = json.type;
  if (Array.isArray(types)) return types.flatMap((type) => options({ ...json, type }, plural));
  switch (json.type) {
    case "null":
      return ["null"];
    case "boolean":
      return ["true", "false"];
    case "integer":
      return [`${plural ? "integers" : "an integer"}${limits(json)}`];
    case "number":
      return [`${plural ? "numbers" : "a number"}${limits(json)}`];
    case "string":
      return [plural ? "strings" : "a string"];
    case "array":
      return [`${plural ? "lists" : "a list"} of ${entries(json)}`];
    case "object":
      return [json.properties === undefined ? "keys and values" : tableInWords(json)];
    default:
      return ["any value"];
  }
}

const tableInWords = (json: JsonSchema) =>
  `{ ${propertiesOf(json)
    .map(([name, value]) => `${name}: ${orJoin(options(value))}`)
    .join(", ")} }`;

function entries({ prefixItems, items, minItems = 0 }: JsonSchema): string {
  const fixed = prefixItems?.filter(isSchema).map((each) => orJoin(options(each, true)));
  if (fixed !== undefined) {
    return new Set(fixed).size === 1 ? `${fixed.length} ${fixed[0]}` : `${fixed.length} entries: ${fixed.join(", ")}`;
  }
  const each = isSchema(items) ? orJoin(options(items, true)) : "any values";
  return minItems > 0 ? `at least ${minItems} of ${each}` : each;
}

/** zod gives integers the limits that JavaScript's numbers have. */
function limits({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema): string {
  const [low, high] = [minimum, maximum].map((limit) =>
    limit === undefined || Math.abs(limit) === Number.MAX_SAFE_INTEGER ? undefined : limit,
  );
  if (low !== undefined && high !== undefined) return ` from ${low} to ${high}`;
  const parts = [
    low === undefined ? [] : `greater than or equal to ${low}`,
    exclusiveMinimum === undefined ? [] : `greater than ${exclusiveMinimum}`,
    high === undefined ? [] : `less than or equal to ${high}`,
    exclusiveMaximum === undefined ? [] : `less than ${exclusiveMaximum}`,
  ].flat();
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`;
}

function orJoin(words: readonly string[]): string {
  const distinct = [...new Set(words)];
  return distinct.length < 2 ? distinct.join() : `${distinct.slice(0, -1).join(", ")} or ${distinct.at(-1)}`;
}

const propertiesOf = ({ properties = {} }: JsonSchema) =>
  Object.entries(properties).flatMap(([name, value]) => (isSchema(value) ? [[name, value] as const] : []));

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
