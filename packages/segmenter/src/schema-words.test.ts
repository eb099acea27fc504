import { describe, expect, test } from "vitest";
import * as z from "zod";
import { describeSchema } from "./schema-words.js";

describe("what a schema allows, in words", () => {
  test.each([
    ["an integer greater than 0", z.int().positive()],
    ["an integer from 0 to 2", z.int().min(0).max(2)],
    ["an integer", z.int()],
    ["a number greater than or equal to 0 and less than 1", z.number().min(0).lt(1)],
    ["a number from -1.5 to 1", z.number().min(-1.5).max(1)],
    ["true or false", z.boolean()],
    ['"a", "b" or "c"', z.enum(["a", "b", "c"])],
    ["2 or 3", z.union([z.literal(2), z.literal(3)])],
    ['"auto", true or false', z.union([z.literal("auto"), z.boolean()])],
    ["a string or null", z.string().nullable()],
    ["a list of 3 integers greater than 0", z.tuple([z.int().positive(), z.int().positive(), z.int().positive()])],
    ["a list of 2 entries: strings, numbers", z.tuple([z.string(), z.number()])],
    ["a list of integers from 0 to 2", z.array(z.int().min(0).max(2))],
    ['a list of at least 1 of "a" or "b"', z.array(z.enum(["a", "b"])).min(1)],
    [
      "a list of { pattern: a string, rate: a number }",
      z.array(z.strictObject({ pattern: z.string(), rate: z.number() })),
    ],
    ["{ width: a number } or null", z.strictObject({ width: z.number() }).nullable()],
    ["keys and values", z.record(z.string(), z.number())],
    ["a number greater than 0", z.number().positive().default(1)],
    ["a list of integers", z.array(z.int()).refine((axes) => axes.length > 0)],
    ["any value", z.unknown()],
  ])("%s", (words, schema) => {
    expect(describeSchema(schema).allowed).toBe(words);
  });
});

test("keys come with their descriptions, in order, also where there may be none", () => {
  const schema = z
    .strictObject({
      ratio: z.number().positive().describe("Width."),
      rate: z.number().positive().default(1).describe("Speed."),
    })
    .nullable()
    .describe("Layers.");
  const { text, keys } = describeSchema(schema);
  expect(text).toBe("Layers.");
  expect(Object.entries(keys!).map(([key, { text }]) => [key, text])).toEqual([
    ["ratio", "Width."],
    ["rate", "Speed."],
  ]);
  expect(describeSchema(z.number()).keys).toBeUndefined();
});
