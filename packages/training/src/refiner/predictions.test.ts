import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, FileError } from "@rfmedsam/base";
import {
  liveTensors,
  readSafetensors,
  readSafetensorsHeader,
  setNumThreads,
  tensorSharing,
  writeSafetensors,
} from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { PredictionStore } from "./predictions.js";

setNumThreads(1);
let store: PredictionStore;
beforeEach(async () => {
  store = new PredictionStore(await mkdtemp(join(tmpdir(), "predictions-")));
});
afterEach(() => rm(store.folder, { recursive: true }));

const shape = [2, 3, 4] as const;
const logits = Float32Array.from({ length: 3 * 24 }, (_, at) => at / 8 - 4);
const half = (sizes: readonly number[]) =>
  tensorSharing(new Int16Array(sizes.reduce((all, size) => all * size, 1)), sizes).viewDtype("float16");

test("predictions come back as they were, to half precision", async () => {
  await store.add("one", logits, 3, shape);
  const before = liveTensors();
  // Eighths below 8 are exact in half precision.
  expect(await store.read("one", 3, shape)).toEqual(logits);
  expect(liveTensors()).toBe(before);
});

test("a file of an earlier version, without a checksum, is taken", async () => {
  await store.add("one", logits, 3, shape);
  const tensors = new Map(
    [...(await readSafetensors(store.fileOf("one")))].map(([name, value]) => [name, value.clone()]),
  );
  await writeSafetensors(store.fileOf("one"), tensors);
  expect((await readSafetensorsHeader(store.fileOf("one"))).metadata).toEqual({});
  expect(await store.read("one", 3, shape)).toEqual(logits);
});

test("a prediction that is not there is a file error", async () => {
  await expect(store.open("none", 3, shape)).rejects.toThrow(FileError);
});

describe("a prediction that is not what it should be is refused with its file, and what to do:", () => {
  const changed = async (file: string, change: (bytes: Buffer) => Buffer) =>
    writeFile(file, change(await readFile(file)));
  const cases: readonly (readonly [string, (file: string) => Promise<unknown>, RegExp])[] = [
    ["empty", (file) => writeFile(file, ""), /one\.safetensors/],
    ["cut short", (file) => changed(file, (bytes) => bytes.subarray(0, bytes.length - 7)), /one\.safetensors/],
    [
      "a single bit",
      (file) =>
        changed(file, (bytes) => {
          bytes[bytes.length - 11]! ^= 0x10;
          return bytes;
        }),
      /checksum is not that of its contents/,
    ],
    [
      "another name",
      (file) => writeSafetensors(file, new Map([["image", half([3, 2, 3, 4])]])),
      /image float16 \[3, 2, 3, 4\]; expected logits float16 \[3, 2, 3, 4\]/,
    ],
    [
      "another type",
      (file) => writeSafetensors(file, new Map([["logits", tensorSharing(new Float32Array(72), [3, 2, 3, 4])]])),
      /logits float32/,
    ],
    [
      "another case's",
      (file) => writeSafetensors(file, new Map([["logits", half([3, 2, 4, 3])]])),
      /\[3, 2, 4, 3\]; exp/,
    ],
    [
      "other classes",
      (file) => writeSafetensors(file, new Map([["logits", half([2, 2, 3, 4])]])),
      /\[2, 2, 3, 4\]; exp/,
    ],
    ["nothing in it", (file) => writeSafetensors(file, new Map()), /no tensors/],
  ];
  test.each(cases)("%s", async (_, damage, words) => {
    await store.add("one", logits, 3, shape);
    await damage(store.fileOf("one"));
    const before = liveTensors();
    for (const take of [() => store.open("one", 3, shape), () => store.read("one", 3, shape)]) {
      const error = await take().catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(CheckpointError);
      expect(error).toMatchObject({ file: store.fileOf("one"), hint: expect.stringMatching(/^delete the file/) });
      expect((error as Error).message).toMatch(words);
    }
    expect(liveTensors()).toBe(before);
  });
});
