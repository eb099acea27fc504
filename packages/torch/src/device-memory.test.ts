import { EngineError } from "@rfmedsam/base";
import { residentMemory } from "@rfmedsam/base/node";
import { afterEach, expect, test, vi } from "vitest";
import { availableMemory, freeMemory, measurePeak, releaseUnused } from "./device-memory.js";
import { full, zeros } from "./factories.js";
import { native } from "./native.js";
import { cudaDeviceCount } from "./runtime.js";
import { scope } from "./scope.js";

const mebibyte = 2 ** 20;
const { glibcVersionRuntime } = (process.report.getReport() as { header: { glibcVersionRuntime?: string } }).header;
const isGlibc = glibcVersionRuntime !== undefined;

afterEach(() => {
  vi.restoreAllMocks();
});

test("the CPU has what is free and what this process holds", () => {
  vi.spyOn(process, "availableMemory").mockReturnValue(5e9);
  expect(freeMemory("cpu")).toBe(5e9);
  expect(Math.abs(availableMemory("cpu")! - 5e9 - residentMemory())).toBeLessThan(64 * mebibyte);
});

test("a GPU that does not answer any more hides no failure", () => {
  const broken = () => {
    throw new EngineError({ found: "CUDA error: an illegal memory access was encountered" });
  };
  vi.spyOn(native, "devicePeak").mockImplementation(broken);
  vi.spyOn(native, "releaseUnused").mockImplementation(broken);
  expect(measurePeak("cuda:0")()).toBeNaN();
  expect(() => releaseUnused("cuda:0")).not.toThrow();
});

test("the peak of the CPU is that of the process since measuring began", () => {
  const peak = measurePeak("cpu");
  const before = peak();
  scope(() => full([32 * mebibyte], 1));
  expect(peak() - before).toBeGreaterThan(100 * mebibyte);
});

test.skipIf(!isGlibc)("freed memory that the C library keeps is given back", () => {
  // Small enough for the heap; the last one lives on, and what is below it would stay.
  const tensors = Array.from({ length: 3000 }, () => full([16 * 1024], 1));
  using _last = tensors.pop()!;
  for (const tensor of tensors) tensor.free();
  const kept = residentMemory();
  releaseUnused("cpu");
  expect(kept - residentMemory()).toBeGreaterThan(100 * mebibyte);
});

test.skipIf(cudaDeviceCount() === 0)("a GPU tells what libtorch's allocator holds of it", () => {
  const device = "cuda:0";
  const peak = measurePeak(device);
  const before = peak();
  scope(() => zeros([64 * mebibyte], { device }));
  const most = peak();
  expect(most - before).toBeGreaterThanOrEqual(256 * mebibyte);
  releaseUnused(device);
  expect(measurePeak(device)()).toBeLessThan(most);
  expect(availableMemory(device)!).toBeGreaterThanOrEqual(freeMemory(device)!);
});

test.skipIf(cudaDeviceCount() > 0)("where there is no GPU nothing is told of one", () => {
  expect([availableMemory("cuda:0"), freeMemory("cuda:0")]).toEqual([undefined, undefined]);
  expect(measurePeak("cuda:0")()).toBeNaN();
  expect(() => releaseUnused("cuda:0")).not.toThrow();
});
