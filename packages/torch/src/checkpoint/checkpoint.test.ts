import { mkdtemp, open, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, FileError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { setNumThreads } from "../runtime.js";
import { liveTensors } from "../scope.js";
import { tensor } from "../tensor.js";
import { floats, matrix, zipCheckpoint } from "../testing/checkpoints.js";
import { liveAfterCollecting } from "../testing/collect.js";
import * as p from "../testing/pickler.js";
import { inspectCheckpoint, readCheckpoint } from "./checkpoint.js";
import { writeSafetensors } from "./safetensors.js";

setNumThreads(1);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-checkpoint-"));
});
afterAll(() => rm(folder, { recursive: true }));

const state = p.dict(
  [p.text("b.weight"), matrix("0", [2])],
  [p.text("a"), matrix("1", [])],
  [p.text("0"), matrix("0", [2])],
);
const storages = { 0: floats(1, 2), 1: floats(3) };
const beside = [
  [p.text("epoch"), p.int(7)],
  [p.text("note"), p.text("best")],
  [p.text("optimizer"), Buffer.concat([p.named("torch.optim.adam", "Adam"), Buffer.from(")\x81", "latin1")])],
  [p.int(3), p.list()],
] as const;

async function written(bytes: Uint8Array, name = "weights.safetensors"): Promise<string> {
  const file = join(folder, name); // the name may lie: the content decides
  await writeFile(file, bytes);
  return file;
}

const layouts: Readonly<Record<string, (value: p.Piece) => Buffer>> = {
  zip: (value) => zipCheckpoint({ value, storages }, { alignment: 64 }),
  legacy: (value) =>
    p.legacyFile(value, [
      ["0", 2, storages[0]],
      ["1", 1, storages[1]],
    ]),
};

describe.each(Object.entries(layouts))("the %s layout", (format, layout) => {
  test.each([undefined, "model", "state_dict"])(
    "gives the state dict under %s, in the file's order",
    async (wrapper) => {
      const value =
        wrapper === undefined ? state : p.dict(...beside.slice(0, 2), [p.text(wrapper), state], ...beside.slice(2));
      const file = await written(layout(value));
      const live = await liveAfterCollecting();
      const found = await readCheckpoint(file);
      expect([...found].map(([name, t]) => [name, t.shape, t.toNumbers()])).toEqual([
        ["b.weight", [2], [1, 2]],
        ["a", [], [3]],
        ["0", [2], [1, 2]],
      ]);
      expect(liveTensors()).toBe(live + 3);
      for (const t of found.values()) t.free();

      const summary = await inspectCheckpoint(file);
      expect(summary).toMatchObject({ format, wrapper, fileBytes: layout(value).length });
      expect([...summary.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
        ["b.weight", "float32", [2]],
        ["a", "float32", []],
        ["0", "float32", [2]],
      ]);
      const others = [
        { name: "epoch", kind: "a number" },
        { name: "note", kind: "a text" },
        { name: "optimizer", kind: "torch.optim.adam.Adam" },
        { name: "3", kind: "a list that is empty" },
      ];
      expect(summary.others).toEqual(wrapper === undefined ? [] : others);
      expect(summary.metadata).toEqual(wrapper === undefined ? {} : { epoch: "7", note: "best" });
    },
  );

  test("names that share memory have tensors of their own", async () => {
    const found = await readCheckpoint(await written(layout(state)));
    found.get("b.weight")?.fill_(9).free();
    expect(found.get("0")?.toNumbers()).toEqual([9, 9]);
  });
});

test("safetensors are read the same way", async () => {
  const file = join(folder, "model.pth");
  await writeSafetensors(file, new Map([["w", tensor([1, 2])]]), { made: "here" });
  expect((await readCheckpoint(file)).get("w")?.toNumbers()).toEqual([1, 2]);
  expect(await inspectCheckpoint(file)).toMatchObject({
    format: "safetensors",
    wrapper: undefined,
    others: [],
    metadata: { made: "here" },
  });
  await expect(readCheckpoint(file, { maxBytes: 10 })).rejects.toThrow(/maxBytes/);
});

describe("a sound file without a state dict says what it has", () => {
  const cases: Readonly<Record<string, readonly [p.Piece, RegExp]>> = {
    "a tensor": [matrix("0", [2]), /holds a tensor \[2\] of float32/],
    "an empty dictionary": [p.dict(), /holds a dictionary that is empty/],
    "a list of tensors": [p.list(matrix("0", [2])), /holds a list of 1/],
    "an optimiser alone": [
      p.dict([p.text("state"), p.dict()]),
      /a dictionary with 'state' \(a dictionary that is empty\)/,
    ],
    "an odd entry": [
      p.dict([p.text("w"), matrix("0", [2])], [p.text("x"), p.int(1)]),
      /a dictionary with 'x' \(a number\)/,
    ],
    "an odd entry in its model": [
      p.dict([p.text("model"), p.dict([p.int(1), matrix("0", [2])])]),
      /a dictionary with '1' \(a tensor \[2\]/,
    ],
  };
  test.each(Object.entries(cases))("%s", async (_, [value, message]) => {
    const file = await written(zipCheckpoint({ value, storages: { 0: floats(1, 2) } }));
    for (const read of [readCheckpoint, inspectCheckpoint]) {
      const error: unknown = await read(file).catch((cause: unknown) => cause);
      expect(error).toBeInstanceOf(CheckpointError);
      expect((error as CheckpointError).message).toMatch(message);
      expect((error as CheckpointError).message.startsWith(file)).toBe(true);
    }
  });
});

test("what is no file is refused as such", async () => {
  for (const read of [readCheckpoint, inspectCheckpoint]) {
    await expect(read(join(folder, "missing"))).rejects.toThrow(FileError);
    await expect(read(folder)).rejects.toThrow(FileError);
  }
});

test("a file of gigabytes is inspected without reading it", async () => {
  const count = 2 ** 29;
  const file = join(folder, "sparse.pt");
  // The storage is a hole in the file.
  const value = p.dict([p.text("w"), matrix("0", [count])]);
  const legacy = p.legacyFile(value, [["0", count, new Uint8Array()]]);
  const handle = await open(file, "w");
  await handle.write(legacy);
  await handle.truncate(legacy.length + 4 * count);
  await handle.close();
  const [taken, held] = [processorClock(), process.memoryUsage.rss()];
  const { tensors, fileBytes } = await inspectCheckpoint(file);
  expect(tensors.get("w")).toMatchObject({ dtype: "float32", shape: [count] });
  expect(fileBytes).toBe(legacy.length + 4 * count);
  expect(taken()).toBeLessThan(2000);
  expect(process.memoryUsage.rss() - held).toBeLessThan(50e6);
});
