import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatasetError, FormatError, GeometryError } from "@rfmedsam/base";
import type { Volume } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { loadCase } from "./load.js";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "load-"));
});
afterEach(() => rm(folder, { recursive: true }));

const affine = [2, 0, 0, -3, 0, 2, 0, 5, 0, 0, 3, 1, 0, 0, 0, 1];
const shape = [2, 3, 4] as const;
const known = { background: 0, organ: 1, tumour: 2 };
const image = (change: (data: Float32Array) => void = () => {}): Volume<Float32Array> => {
  const data = Float32Array.from({ length: 24 }, (_, i) => i);
  change(data);
  return { data, shape, affine };
};
const marked = (...values: number[]): Volume<Uint8Array> => {
  const data = new Uint8Array(24);
  data.set(values);
  return { data, shape, affine };
};

async function write(channels: readonly Volume[], labels: Volume) {
  const images = channels.map((_, n) => join(folder, `a_000${n}.nii.gz`));
  for (const [n, channel] of channels.entries()) await writeVolume(images[n]!, channel);
  const file = join(folder, "a.nii.gz");
  await writeVolume(file, labels);
  return { id: "a", images, labels: file };
}

describe("loading a case", () => {
  test("gives channels in order and labels as bytes, also when saved as float", async () => {
    const labels = { ...marked(0, 1, 2), data: Float32Array.from(marked(0, 1, 2).data) };
    const files = await write([image(), image((data) => data.reverse())], labels);
    const { id, channels, labels: read } = await loadCase(files, known);
    expect(id).toBe("a");
    expect([...channels[0]!.data]).toEqual([...image().data]);
    expect([...channels[1]!.data]).toEqual([...image().data].reverse());
    expect(read.data).toEqual(marked(0, 1, 2).data);
  });

  test("labels that the data set does not know are listed, with those it knows", async () => {
    const files = await write([image()], marked(1, 7, 9));
    const error = await loadCase(files, known).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(DatasetError);
    expect(error).toMatchObject({ file: files.labels, found: "labels 7, 9" });
    expect((error as Error).message).toContain("0 background, 1 organ, 2 tumour");
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY])("a voxel that is %s is refused with its file", async (value) => {
    const files = await write(
      [
        image(),
        image((data) => {
          data[5] = value;
        }),
      ],
      marked(1),
    );
    const error = await loadCase(files, known).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ file: files.images[1] });
    expect((error as Error).message).toMatch(/NaN|Infinity/);
  });

  test("labels that are no whole numbers are refused", async () => {
    const files = await write([image()], image());
    await expect(loadCase(files, known)).rejects.toThrow(DatasetError);
    const broken = await write(
      [image()],
      image((data) => {
        data.fill(0.5);
      }),
    );
    await expect(loadCase(broken, known)).rejects.toThrow(FormatError);
  });

  test.each(["a_0001.nii.gz", "a.nii.gz"])(
    "a %s that is cut short is named, and nothing of the case is used",
    async (name) => {
      const files = await write([image(), image()], marked(0, 1, 2));
      const file = join(folder, name);
      await writeFile(file, (await readFile(file)).subarray(0, 90));
      const error = await loadCase(files, known).catch((caught: unknown) => caught);
      expect(error).toBeInstanceOf(FormatError);
      expect(error).toMatchObject({ file });
    },
  );

  test("a case without labels, or without an image, is told by its name", async () => {
    const files = await write([image()], marked(0, 1, 2));
    await expect(loadCase({ ...files, labels: undefined }, known)).rejects.toThrow(
      /case a has no labels.*dataset check/s,
    );
    await expect(loadCase({ ...files, images: [] }, known)).rejects.toThrow(/case a has no image/);
    await rm(files.images[0]!);
    await expect(loadCase(files, known)).rejects.toThrow(/a_0000\.nii\.gz: does not exist/);
  });

  test.each([
    ["labels", 1],
    ["a channel", 0],
  ])("%s on another grid are refused, both files named", async (_, which) => {
    const elsewhere = [2, 0, 0, -3, 0, 2, 0, 5, 0, 0, 4, 1, 0, 0, 0, 1];
    const channels = [image(), which === 0 ? { ...image(), affine: elsewhere } : image()];
    const files = await write(channels, which === 1 ? { ...marked(1), affine: elsewhere } : marked(1));
    const error = await loadCase(files, known).catch((caught: unknown) => caught);
    expect(error).toBeInstanceOf(GeometryError);
    expect((error as Error).message).toContain(files.images[0]);
    expect((error as Error).message).toContain(which === 1 ? files.labels : files.images[1]);
  });
});
