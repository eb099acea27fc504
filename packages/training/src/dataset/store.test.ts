import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError } from "@rfmedsam/base";
import { type PreprocessingRecipe, prepareCase, prepareLabels, preprocessingSchema } from "@rfmedsam/segmenter";
import { setNumThreads, tensorSharing, writeSafetensors } from "@rfmedsam/torch";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { LoadedCase } from "./load.js";
import { CaseStore } from "./store.js";

setNumThreads(1);
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "store-"));
});
afterEach(() => rm(folder, { recursive: true }));

/** Stored LPS, with an empty border to crop and a spacing that the recipe changes. */
function loaded(): LoadedCase {
  const shape = [9, 14, 12] as const;
  const affine = [-1.5, 0, 0, 20, 0, -1.5, 0, 30, 0, 0, 4, -7, 0, 0, 0, 1];
  const labels = new Uint8Array(9 * 14 * 12);
  const data = new Int16Array(labels.length);
  let at = 0;
  for (let z = 0; z < 9; z++) {
    for (let y = 0; y < 14; y++) {
      for (let x = 0; x < 12; x++, at++) {
        if (y < 2 || x > 9) continue;
        data[at] = 100 + 7 * z + 3 * y - 2 * x;
        if (Math.hypot(z - 4, y - 7, x - 5) < 4) labels[at] = x > 5 ? 2 : 1;
      }
    }
  }
  return { id: "one", channels: [{ data, shape, affine }], labels: { data: labels, shape, affine } };
}

const recipes: readonly (readonly [string, PreprocessingRecipe])[] = [
  ["as it is", preprocessingSchema.parse({ cropToNonzero: false, normalisation: [{ kind: "zscore" }] })],
  [
    "cropped and resampled",
    preprocessingSchema.parse({
      spacing: [3, 2, 2],
      normalisation: [{ kind: "ct", mean: 100, std: 20, low: 60, high: 150 }],
      window: { kind: "fixed", low: -2, high: 2.5 },
    }),
  ],
];

describe.each(recipes)("a case stored %s", (_, recipe) => {
  test("comes back as the segmenter prepares it", async () => {
    const store = new CaseStore(folder);
    const given = loaded();
    expect(store.has("one")).toBe(false);
    await store.add(given, recipe);
    expect(store.has("one")).toBe(true);
    const stored = await store.open("one", 3);
    const prepared = prepareCase(given.channels, recipe);
    expect(stored.data).toEqual(prepared.data);
    expect(stored.truth).toEqual(prepareLabels(given.labels, prepared));
    expect(stored).toMatchObject({
      id: "one",
      channels: 1,
      shape: prepared.shape,
      spacing: prepared.spacing,
      windows: prepared.windows,
    });
  });

  test("is the same memory as tensor and as array", async () => {
    const store = new CaseStore(folder);
    await store.add(loaded(), recipe);
    const { image, labels, data, truth, shape } = await store.open("one", 3);
    expect(image.shape).toEqual([1, ...shape]);
    expect(labels.shape).toEqual(shape);
    expect(labels.dtype).toBe("uint8");
    expect(image.toFloat32Array()).toEqual(data);
    expect(labels.toArray()).toEqual(truth);
    data[3] = 1234;
    expect(image.toFloat32Array()[3]).toBe(1234);
  });

  test("remembers voxels of every class, and of no other", async () => {
    const store = new CaseStore(folder);
    await store.add(loaded(), recipe);
    const { locations, truth, voxels } = await store.open("one", 4);
    expect(locations).toHaveLength(3);
    expect(voxels).toEqual([0, 1, 2, 3].map((label) => truth.filter((each) => each === label).length));
    for (const [i, list] of locations.entries()) {
      expect(list.length).toBe(truth.filter((label) => label === i + 1).length);
      expect([...list].every((at) => truth[at] === i + 1)).toBe(true);
    }
  });
});

test("writing to a mapped case changes neither its file nor the next one to open it", async () => {
  const store = new CaseStore(folder);
  await store.add(loaded(), recipes[0]![1]);
  const before = await readFile(store.fileOf("one"));
  const first = await store.open("one", 3);
  first.data.fill(0);
  expect(await readFile(store.fileOf("one"))).toEqual(before);
  expect((await store.open("one", 3)).data.some((value) => value !== 0)).toBe(true);
});

test("a class with very many voxels is remembered by a spread sample", async () => {
  const shape = [30, 40, 40] as const;
  const affine = [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1];
  const labels = new Uint8Array(48_000).fill(1, 0, 30_000);
  const data = Float32Array.from(labels, (_, i) => Math.sin(i));
  const store = new CaseStore(folder);
  await store.add(
    { id: "big", channels: [{ data, shape, affine }], labels: { data: labels, shape, affine } },
    recipes[0]![1],
  );
  const [list] = (await store.open("big", 2)).locations;
  expect(list!.length).toBeLessThanOrEqual(4000);
  expect(list!.length).toBeGreaterThan(3000);
  expect(list![0]).toBe(0);
  expect(list!.at(-1)).toBeGreaterThan(29_900);
  expect((await stat(store.fileOf("big"))).size).toBeLessThan(48_000 * 5 + 2000);
});

describe("a prepared case that is not what it should be is refused with its file:", () => {
  const tensors = (image: readonly number[], labels: readonly number[], value = 1) =>
    new Map([
      ["image", tensorSharing(new Float32Array(24), image)],
      ["labels", tensorSharing(new Uint8Array(24).fill(value), labels)],
    ]);
  const facts = { facts: JSON.stringify({ spacing: [1, 1, 1], windows: [] }) };
  const cases: readonly (readonly [string, (file: string) => Promise<unknown>, RegExp])[] = [
    ["cut short", async (file) => writeFile(file, (await readFile(file)).subarray(0, 500)), /one\.safetensors/],
    [
      "other shapes",
      (file) => writeSafetensors(file, tensors([1, 2, 3, 4], [2, 4, 3]), facts),
      /labels uint8 \[2, 4, 3\].*delete the file/is,
    ],
    [
      "no labels",
      (file) => writeSafetensors(file, new Map([["image", tensorSharing(new Float32Array(24), [1, 2, 3, 4])]]), facts),
      /expected image/,
    ],
    ["no facts", (file) => writeSafetensors(file, tensors([1, 2, 3, 4], [2, 3, 4]), {}), /no facts/],
    [
      "facts of another kind",
      (file) => writeSafetensors(file, tensors([1, 2, 3, 4], [2, 3, 4]), { facts: "{" }),
      /no JSON/,
    ],
    [
      "a label too many",
      (file) => writeSafetensors(file, tensors([1, 2, 3, 4], [2, 3, 4], 3), facts),
      /label 3; expected labels from 0 to 2/,
    ],
  ];
  test.each(cases)("%s", async (_, damage, words) => {
    const store = new CaseStore(folder);
    await store.add(loaded(), recipes[0]![1]);
    await damage(store.fileOf("one"));
    const error = await store.open("one", 3).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(CheckpointError);
    expect(error).toMatchObject({ file: store.fileOf("one") });
    expect((error as Error).message).toMatch(words);
  });
});
