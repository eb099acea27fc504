import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Tensor } from "../tensor.js";
import { operatorNames } from "../testing/operator-names.js";
import * as generated from "./operators.js";

test("the generated file is what operators.txt and this libtorch give", () => {
  const tool = fileURLToPath(new URL("../../tools/generate-operators.mjs", import.meta.url));
  expect(() => execFileSync(process.execPath, [tool, "--check"], { stdio: "pipe" })).not.toThrow();
});

test("every operator is there, as a method or a function, under one name", () => {
  const names = operatorNames();
  expect(new Set(names).size).toBe(names.length);
  const missing = names.filter((name) => !(name in generated) && !(name in Tensor.prototype));
  expect(missing).toEqual([]);
});
