/** TIFF files put together by hand, tag by tag; the bytes of packed blocks are libtiff's (through Pillow). */
import { FormatError } from "@rfmedsam/base";
import { zlibSync } from "fflate";
import { describe, expect, test } from "vitest";
import { sourceOfBytes } from "../byte-source.js";
import { readImageSource } from "../image-file.js";

type Entries = Readonly<Record<number, readonly number[]>>;

interface PageParts {
  readonly tags: Entries;
  /** Blocks; their offsets and sizes are filled in. */
  readonly blocks: readonly Uint8Array[];
}

/** A classic TIFF file. Long values and blocks lie behind the directories. */
function tiff(pages: readonly PageParts[], { little = true, next }: { little?: boolean; next?: number } = {}) {
  const bytes = new Uint8Array(1 << 16);
  const view = new DataView(bytes.buffer);
  bytes.fill(little ? 0x49 : 0x4d, 0, 2);
  view.setUint16(2, 42, little);
  let free = 8;
  let pointer = 4;
  for (const { tags, blocks } of pages) {
    const offsets: number[] = [];
    for (const block of blocks) {
      bytes.set(block, free);
      offsets.push(free);
      free += block.length;
    }
    const [offsetTag, countTag] = 322 in tags ? [324, 325] : [273, 279];
    const entries = { [offsetTag]: offsets, [countTag]: blocks.map(({ length }) => length), ...tags };
    const names = Object.keys(entries).map(Number);
    const values = names.map((name) => {
      const list = entries[name]!;
      if (list.length === 1) return list[0]!;
      for (const [n, value] of list.entries()) view.setUint32(free + 4 * n, value, little);
      free += 4 * list.length;
      return free - 4 * list.length;
    });
    view.setUint32(pointer, free, little);
    view.setUint16(free, names.length, little);
    for (const [n, name] of names.entries()) {
      const entry = free + 2 + 12 * n;
      view.setUint16(entry, name, little);
      view.setUint16(entry + 2, 4, little);
      view.setUint32(entry + 4, entries[name]!.length, little);
      view.setUint32(entry + 8, values[n]!, little);
    }
    pointer = free + 2 + 12 * names.length;
    free = pointer + 4;
  }
  if (next !== undefined) view.setUint32(pointer, next, little);
  return bytes.slice(0, free);
}

const grey = (more: Entries = {}): Entries => ({ 256: [4], 257: [2], 258: [8], 262: [1], ...more });
const eight = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8);
const read = (bytes: Uint8Array) => readImageSource(sourceOfBytes(bytes, { file: "a.tif" }));
const dataOf = async (tags: Entries, blocks: readonly Uint8Array[], little = true) =>
  (await read(tiff([{ tags, blocks }], { little }))).volume.data;

/** libtiff's packing of 300 sevens, five times 0 … 39, and thirty times 7, 8. */
const libtiffLzw =
  "gAHgUDgkFg0HhEJhULhkNh0PiERiUTikVi0XjAAAICAYEAoGA4IBIKBYMBoOB4QCISCYUCoWC4YDIaDYcDoeD4gEIiEYkEomE8ajkekEikkmlEqlkumEymk2nE6nk+oFCjsfkMjksnlMrlsvmMzms3nM7ns/oMbq9FrVIrtLsFOsdRs1UtNDrFGrdJr1MsNPslSs9AkOFBGGxGHxWJxmLx2NyAIgIA==";

describe("TIFF", () => {
  test("pages are slices, and it is said", async () => {
    const pages = [0, 1, 2].map((n) => ({ tags: grey(), blocks: [eight.map((value) => value + 10 * n)] }));
    const { volume, warnings, format } = await read(tiff(pages));
    expect(format).toBe("tiff");
    expect(volume.shape).toEqual([3, 2, 4]);
    expect([...volume.data.slice(8, 10)]).toEqual([11, 12]);
    expect(warnings).toEqual(["pages are taken as slices, 1 mm apart, with voxels of 1 mm"]);
  });

  test("strips, and bytes in either order", async () => {
    const strips = [eight.slice(0, 4), eight.slice(4)];
    expect(await dataOf(grey({ 278: [1] }), strips)).toEqual(eight);
    const sixteen = grey({ 256: [2], 258: [16], 339: [2] });
    expect(await dataOf(sixteen, [eight])).toEqual(Int16Array.of(0x0201, 0x0403, 0x0605, 0x0807));
    expect(await dataOf(sixteen, [eight], false)).toEqual(Int16Array.of(0x0102, 0x0304, 0x0506, 0x0708));
  });

  test("tiles at the edges are cut, colours included", async () => {
    const tags = { 256: [3], 257: [3], 258: [8], 277: [3], 262: [2], 322: [2], 323: [2] };
    // Every pixel grey: its column + 10 × its row.
    const tile = (x: number, y: number) =>
      Uint8Array.from([0, 1, 2, 3].flatMap((n) => Array(3).fill(x + (n % 2) + 10 * (y + (n >> 1)))));
    const { volume, warnings } = await read(tiff([{ tags, blocks: [tile(0, 0), tile(2, 0), tile(0, 2), tile(2, 2)] }]));
    expect(volume.data).toEqual(Uint8Array.of(0, 1, 2, 10, 11, 12, 20, 21, 22));
    expect(warnings).toHaveLength(1);
  });

  test("samples in planes of their own, palettes, white as zero, single bits", async () => {
    const planar = { 256: [2], 257: [1], 258: [8], 277: [3], 262: [2], 284: [2] };
    expect(await dataOf(planar, [Uint8Array.of(255, 0), Uint8Array.of(0, 255), Uint8Array.of(0, 0)])).toEqual(
      Uint8Array.of(76, 150),
    );
    const map = Array.from({ length: 768 }, (_, n) => (n % 256) * 257);
    expect(await dataOf(grey({ 262: [3], 320: map }), [eight])).toEqual(eight);
    expect(await dataOf(grey({ 262: [0] }), [eight])).toEqual(eight.map((value) => 255 - value));
    expect(await dataOf(grey({ 258: [1] }), [Uint8Array.of(0b10100000, 0b01110000)])).toEqual(
      Uint8Array.of(1, 0, 1, 0, 0, 1, 1, 1),
    );
  });

  test("packed blocks: Deflate, PackBits, LZW, with differences", async () => {
    expect(await dataOf(grey({ 259: [8] }), [zlibSync(eight)])).toEqual(eight);
    const runs = Uint8Array.of(0xfd, 9, 128, 3, 1, 2, 3, 4);
    expect(await dataOf(grey({ 259: [32773] }), [runs])).toEqual(Uint8Array.of(9, 9, 9, 9, 1, 2, 3, 4));
    const values = [
      ...Array(300).fill(7),
      ...Array(5)
        .fill([...Array(40).keys()])
        .flat(),
      ...Array(30).fill([7, 8]).flat(),
    ];
    const lzw = Uint8Array.from(atob(libtiffLzw), (letter) => letter.charCodeAt(0));
    expect(await dataOf(grey({ 256: [28], 257: [20], 259: [5] }), [lzw])).toEqual(Uint8Array.from(values));
    const steps = Uint8Array.of(1, 1, 1, 255, 5, 0, 0, 1);
    expect(await dataOf(grey({ 317: [2] }), [steps])).toEqual(Uint8Array.of(1, 2, 3, 2, 5, 5, 5, 6));
  });

  test("smaller copies of a page are no slices", async () => {
    const small = { tags: { ...grey(), 254: [1], 256: [2], 257: [1] }, blocks: [Uint8Array.of(1, 2)] };
    expect((await read(tiff([{ tags: grey(), blocks: [eight] }, small]))).volume.shape).toEqual([1, 2, 4]);
  });

  test.each<[string, () => Uint8Array, RegExp]>([
    ["directories in a circle", () => tiff([{ tags: grey(), blocks: [eight] }], { next: 16 }), /circle/],
    [
      "a claim of 16 exapixels",
      () => tiff([{ tags: grey({ 256: [2 ** 32 - 1], 257: [2 ** 32 - 1] }), blocks: [eight] }]),
      /where .* must come from/,
    ],
    ["blocks outside the file", () => tiff([{ tags: grey({ 273: [2 ** 31] }), blocks: [eight] }]), /block 0/],
    ["too few bytes", () => tiff([{ tags: grey(), blocks: [eight.slice(0, 7)] }]), /block 0/],
    [
      "packed bytes that give too little",
      () => tiff([{ tags: grey({ 259: [8] }), blocks: [zlibSync(eight.slice(1))] }]),
      /7 of 8 bytes/,
    ],
    ["damaged packing", () => tiff([{ tags: grey({ 259: [8] }), blocks: [eight] }]), /damaged pixels/],
    [
      "damaged LZW",
      () => tiff([{ tags: grey({ 259: [5] }), blocks: [Uint8Array.of(0x80, 0x3f, 0xff, 0xff)] }]),
      /1 of 8 bytes/,
    ],
    ["no pixels", () => tiff([{ tags: grey({ 256: [0] }), blocks: [eight] }]), /0×2 pixels/],
    ["samples of no bits", () => tiff([{ tags: grey({ 258: [0] }), blocks: [eight] }]), /0 bits/],
    ["strips of no rows", () => tiff([{ tags: grey({ 278: [0] }), blocks: [eight] }]), /blocks of 4×0/],
    ["JPEG inside", () => tiff([{ tags: grey({ 259: [7] }), blocks: [eight] }]), /JPEG compression/],
    ["colours without a palette", () => tiff([{ tags: grey({ 262: [3] }), blocks: [eight] }]), /palette of 0/],
    [
      "pages of several sizes",
      () =>
        tiff([
          { tags: grey(), blocks: [eight] },
          { tags: grey({ 256: [2] }), blocks: [eight] },
        ]),
      /page 2/,
    ],
    [
      "one block for many pages",
      () => tiff(Array(40).fill({ tags: grey({ 273: [8], 279: [4000] }), blocks: [new Uint8Array(100)] })),
      /blocks of 160000 bytes/,
    ],
    ["nothing but a start", () => Uint8Array.of(0x49, 0x49, 42, 0), /end inside a directory/],
  ])("%s is refused", async (_, make, found) => {
    const bytes = make();
    await expect(read(bytes)).rejects.toThrow(FormatError);
    await expect(read(bytes)).rejects.toThrow(found);
  });

  test("a file cut anywhere is refused", async () => {
    const bytes = tiff([{ tags: grey({ 259: [8] }), blocks: [zlibSync(eight)] }]);
    for (let length = 0; length < bytes.length; length += 3) {
      await expect(read(bytes.subarray(0, length))).rejects.toThrow(FormatError);
    }
  });
});
