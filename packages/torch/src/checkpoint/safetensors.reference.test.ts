/** Files that another program wrote, against a second, minimal reading of their bytes and the shapes their descriptions state. */
import { existsSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { setNumThreads } from "../runtime.js";
import { scope } from "../scope.js";
import { readSafetensors } from "./safetensors.js";

setNumThreads(1);
const parity = sharedPath("parity");
const { files } = JSON.parse(readFileSync(join(parity, "index.json"), "utf8")) as { files: { path: string }[] };
const paths = files.map(({ path }) => path).filter((path) => path.endsWith(".safetensors"));

interface Described {
  readonly dtype: string;
  readonly shape: readonly number[];
}
interface Raw extends Described {
  readonly data_offsets: readonly [number, number];
}
const codes: Readonly<Record<string, string>> = { F: "float", BF: "bfloat", I: "int", U: "uint" };
const dtypeNamed = (code: string) => code.replace(/^[A-Z]+/, (letters) => codes[letters] ?? letters.toLowerCase());

test("there are files to compare with", () => {
  expect(paths.length).toBeGreaterThan(0);
});

describe.each(paths)("%s", (path) => {
  test("is read byte for byte", async () => {
    const bytes = readFileSync(join(parity, path));
    const start = 8 + Number(bytes.readBigUInt64LE(0));
    const header = JSON.parse(bytes.toString("utf8", 8, start)) as Record<string, Raw>;
    const { __metadata__: _, ...entries } = header;
    const tensors = await readSafetensors(join(parity, path));
    expect([...tensors.keys()].sort()).toEqual(Object.keys(entries).sort());
    for (const [name, { dtype, shape, data_offsets: offsets }] of Object.entries(entries)) {
      const read = tensors.get(name);
      expect([name, read?.dtype, read?.shape]).toEqual([name, dtypeNamed(dtype), shape]);
      const found = scope(() => read?.contiguous().shareBytes().slice());
      expect(bytes.subarray(start + offsets[0], start + offsets[1]).equals(found ?? Buffer.of(0)), name).toBe(true);
      read?.free();
    }
  });
});

const descriptionOf = (path: string) => join(parity, dirname(path), "case.json");

describe.each(paths.filter((path) => existsSync(descriptionOf(path))))("%s", (path) => {
  test("has what its description says", async () => {
    const description = descriptionOf(path);
    const { inputs, outputs } = JSON.parse(readFileSync(description, "utf8")) as Record<
      string,
      Record<string, Described>
    >;
    const tensors = await readSafetensors(join(parity, path));
    for (const [prefix, described] of Object.entries({ in: inputs, out: outputs })) {
      for (const [name, { dtype, shape }] of Object.entries(described ?? {})) {
        const read = tensors.get(`${prefix}.${name}`);
        expect([name, read?.dtype, read?.shape]).toEqual([name, dtypeNamed(dtype), shape]);
      }
    }
  });
});
