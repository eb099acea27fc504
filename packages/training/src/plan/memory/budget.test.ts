import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { hostBudget, memoryBudget, obtainableMemory } from "./budget.js";
import { gibibyte, mebibyte } from "./sheet.js";

describe("the memory that training may take", () => {
  test("is what the configuration says, on any device", () => {
    expect(memoryBudget(6, "cpu")).toBe(6 * gibibyte);
    expect(memoryBudget(0.5, "cuda:3")).toBe(0.5 * gibibyte);
  });

  test("is nine tenths of what is free otherwise, what this process holds counted as free", () => {
    const free = obtainableMemory("cpu");
    expect(free).toBeGreaterThan(process.memoryUsage().rss / 2);
    const budget = memoryBudget("auto", "cpu");
    expect(budget).toBeGreaterThan(0.5 * free);
    expect(budget).toBeLessThan(free);
  });
});

describe("the computer's memory that training may take", () => {
  test("is that of the device where that is the CPU", () => {
    expect(hostBudget(6, "cpu")).toBe(6 * gibibyte);
  });

  test("is nine tenths of what is free beside a GPU, whose memory alone is configured", () => {
    const free = obtainableMemory("cpu");
    for (const memory of [6, "auto"] as const) {
      expect(hostBudget(memory, "cuda:0")).toBeGreaterThan(0.5 * free);
      expect(hostBudget(memory, "cuda:0")).toBeLessThan(free);
    }
  });
});

describe.skipIf(process.platform === "win32")("the free memory of a GPU", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "gpu-"));
    vi.stubEnv("PATH", `${folder}:${process.env.PATH}`);
    vi.stubEnv("CUDA_VISIBLE_DEVICES", undefined);
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await rm(folder, { recursive: true });
  });
  /** Answers with the device's number as MiB and 1000 more, or whatever it is told. */
  const tool = (body: string) => writeFile(join(folder, "nvidia-smi"), `#!/bin/sh\n${body}\n`, { mode: 0o755 });

  test("is NVIDIA's tool's answer for that GPU", async () => {
    await tool(`for last; do true; done; expr 1000 + "$(echo "$last" | cut -d= -f2)"`);
    expect(obtainableMemory("cuda:2")).toBe(1002 * mebibyte);
    expect(obtainableMemory("cuda")).toBe(1000 * mebibyte);
    vi.stubEnv("CUDA_VISIBLE_DEVICES", "5,7");
    expect(obtainableMemory("cuda:1")).toBe(1007 * mebibyte);
  });

  test.each(["exit 1", "echo '[N/A]'", "echo", "echo 0"])(
    "is asked of the user when the tool does: %s",
    async (body) => {
      await tool(body);
      expect(() => memoryBudget("auto", "cuda:0")).toThrow(ConfigError);
      expect(() => memoryBudget("auto", "cuda:0")).toThrow(/--set memory=/);
    },
  );
});
