/**
 * Cases of the reference folder: a description (`case.json`) and tensors (`in.*`, `out.*`), with the tolerance that comes with every
 * output. The folder is `RFMEDSAM_SHARED`, by default `../shared` beside the repository; it is never assumed to hold particular cases.
 */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { readSafetensors, type Tensor } from "@rfmedsam/torch";
import { expect } from "vitest";

export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export function readJson(path: string): JsonObject {
  return JSON.parse(readFileSync(sharedPath(path), "utf8")) as JsonObject;
}

/** File names of a folder with a given ending, without it. Fails when there are none. */
export function listNames(folder: string, ending: string): string[] {
  const found = readdirSync(sharedPath(folder)).filter((name) => name.endsWith(ending));
  if (found.length === 0) throw new Error(`${sharedPath(folder)} has nothing that ends in ${ending}`);
  return found.map((name) => name.slice(0, name.length - ending.length)).sort();
}

/** Names of all cases of a folder that start with `prefix`. Fails when there are none. */
export function caseNames(folder: string, prefix: string): string[] {
  const names = readdirSync(sharedPath(folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name.startsWith(prefix))
    .map(({ name }) => name)
    .filter((name) => existsSync(join(sharedPath(folder), name, "case.json")))
    .sort();
  if (names.length === 0) throw new Error(`${sharedPath(folder)} has no case called ${prefix}…`);
  return names;
}

export class ReferenceCase {
  private constructor(
    readonly folder: string,
    readonly name: string,
    readonly facts: JsonObject,
    readonly inputs: ReadonlyMap<string, Tensor>,
    readonly outputs: ReadonlyMap<string, Tensor>,
  ) {}

  static async read(folder: string, name: string): Promise<ReferenceCase> {
    const facts = readJson(`${folder}/${name}/case.json`);
    const tensors = await readSafetensors(sharedPath(folder, name, "tensors.safetensors"));
    const under = (prefix: string) =>
      new Map(
        [...tensors].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
      );
    return new ReferenceCase(folder, name, facts, under("in."), under("out."));
  }

  input(name: string): Tensor {
    const found = this.inputs.get(name);
    if (found === undefined) throw new Error(`${this.name} has no input ${name}`);
    return found;
  }

  /** 20 times what float32 costs the reference itself, plus a millionth of the output's range. */
  tolerance(output: string): number {
    const { f32_vs_f64_max_abs_diff: differences } = this.facts.tolerance as { [key: string]: JsonObject };
    const difference = differences?.[output];
    if (typeof difference !== "number") throw new Error(`${this.name} states no tolerance for ${output}`);
    return 20 * difference + 1e-6 * this.range(output);
  }

  /** The largest magnitude of an output. */
  range(output: string): number {
    return this.outputs
      .get(output)!
      .toFloat32Array()
      .reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  }

  /**
   * Fails unless every output of the reference is among the results and within its tolerance.
   * @param tolerance where a case states another than the usual one
   */
  expectAll(results: ReadonlyMap<string, Tensor>, tolerance = (output: string) => this.tolerance(output)): void {
    const faults: string[] = [];
    for (const [name, expected] of this.outputs) {
      const actual = results.get(name);
      if (actual === undefined) faults.push(`${name} was not computed`);
      else faults.push(...this.#difference(name, actual, expected, tolerance(name)));
    }
    expect(faults, this.name).toEqual([]);
  }

  #difference(output: string, actual: Tensor, expected: Tensor, tolerance: number): string[] {
    if (actual.shape.join() !== expected.shape.join())
      return [`${output} has shape [${actual.shape}], not [${expected.shape}]`];
    const title = `${this.folder}/${this.name}`;
    const worst = compareNumbers(title, actual.toFloat32Array(), expected.toFloat32Array(), tolerance);
    return worst <= tolerance ? [] : [`${output} differs by ${worst}, tolerance ${tolerance}`];
  }
}
