/**
 * A configuration as a person reads it: YAML in which every key says what it means and what it may be, as the schema has it. What is
 * printed is itself a file for `--config`.
 */
import { describeSchema, type SchemaDescription } from "@rfmedsam/segmenter";
import { type TrainingConfiguration, trainingSchema } from "./config-schema.js";

/** Columns of a comment, its indentation included. */
const width = 118;

export function describeConfiguration(configuration: TrainingConfiguration): string {
  return `${linesOf(configuration, describeSchema(trainingSchema).keys!, "").join("\n")}\n`;
}

type Keys = NonNullable<SchemaDescription["keys"]>;

function linesOf(values: object, keys: Keys, indent: string): string[] {
  const of = values as Readonly<Record<string, unknown>>;
  return Object.entries(keys).flatMap(([key, { text = "", allowed, keys: inner }]) => {
    const value = of[key];
    const table = inner !== undefined && value !== null;
    const allows = table ? "" : `Allowed: ${allowed}.`;
    const comments = [text, allows].flatMap((each) => (each === "" ? [] : wrapped(each, `${indent}# `)));
    const head = `${indent}${key}:`;
    return table
      ? [...comments, head, ...linesOf(value as object, inner, `${indent}  `)]
      : [...comments, `${head} ${inline(value)}`];
  });
}

/** On one line, as JSON (which is YAML, too), but words without quotes. */
function inline(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(inline).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    return `{ ${Object.entries(value)
      .map(([key, each]) => `${key}: ${inline(each)}`)
      .join(", ")} }`;
  }
  const text = JSON.stringify(value);
  const isWord = /^"[a-z][\w.+-]*"$/i.test(text) && !/^"(true|false|null|yes|no|on|off|y|n)"$/i.test(text);
  return isWord ? text.slice(1, -1) : text;
}

function wrapped(text: string, prefix: string): string[] {
  const lines: string[] = [];
  let line = prefix;
  for (const word of text.split(" ")) {
    if (line !== prefix && line.length + word.length > width) {
      lines.push(line.trimEnd());
      line = prefix;
    }
    line += `${word} `;
  }
  return [...lines, line.trimEnd()];
}
