/** Numbers PyTorch gave (tools/make-fixtures.py), and the values its script and the tests both start from. */
import { readFileSync } from "node:fs";
import { expect } from "vitest";
import { type Tensor, tensor } from "../tensor.js";

export function fixture<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`./fixtures/${name}.json`, import.meta.url), "utf8")) as T;
}

/** Values ((i·factor) mod modulus − ⌊modulus/2⌋) / divisor, exact in float32: `ramp` of the script. */
export function ramp(shape: readonly number[], factor: number, modulus: number, divisor: number): Tensor {
  const length = shape.reduce((count, extent) => count * extent, 1);
  const values = Float32Array.from(
    { length },
    (_, i) => (((i * factor) % modulus) - Math.floor(modulus / 2)) / divisor,
  );
  return tensor(values, shape);
}

/** @param tolerance largest difference, relative to 1 + |expected| */
export function expectClose(actual: Tensor, expected: readonly number[], tolerance: number): void {
  const values = actual.toNumbers();
  expect(values.length).toBe(expected.length);
  const worst = values.reduce((most, value, i) => {
    const wanted = expected[i] as number;
    return Math.max(most, Math.abs(value - wanted) / (1 + Math.abs(wanted)));
  }, 0);
  expect(worst).toBeLessThanOrEqual(tolerance);
}
