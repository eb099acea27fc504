/** Pictures against Pillow's reading of the same bytes (fixtures/pictures.json, made by it), and files that are not what they claim. */
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FileError, FormatError, GeometryError } from "@rfmedsam/base";
import { encode } from "fast-png";
import { describe, expect, test } from "vitest";
import { readMask, readPicture, writePng } from "../../node/picture.js";
import { decodeMask, decodePicture } from "./decode.js";
import { encodeGreyPng, encodePng } from "./png.js";

interface Fixture {
  readonly name: string;
  readonly height: number;
  readonly width: number;
  readonly file: string;
  readonly rgb: string;
}

const fixtures = JSON.parse(
  await readFile(new URL("../../testing/fixtures/pictures.json", import.meta.url), "utf8"),
) as { readonly pictures: readonly Fixture[] };
const bytesOf = (base64: string) => new Uint8Array(Buffer.from(base64, "base64"));
const jpegWasm = new Uint8Array(
  await readFile(new URL(import.meta.resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"))),
);
const read = (bytes: Uint8Array) => decodePicture(bytes, { file: "picture", jpegWasm });
const fixture = (start: string) => bytesOf(fixtures.pictures.find(({ name }) => name.startsWith(start))!.file);

describe("pictures are what Pillow makes of them", () => {
  test.each(fixtures.pictures)("$name", async ({ file, rgb, height, width }) => {
    const picture = await read(bytesOf(file));
    expect([picture.height, picture.width]).toEqual([height, width]);
    expect(Buffer.from(picture.data).toString("base64")).toBe(rgb);
  });

  test("pictures decoded at the same time do not mix", async () => {
    const jpegs = fixtures.pictures.filter(({ name }) => name.startsWith("JPEG"));
    const damagedJpeg = fixture("JPEG, grey").slice();
    // Only ones: a code that no table has.
    for (let at = damagedJpeg.length - 60; at < damagedJpeg.length - 3; at += 2) damagedJpeg.set([0xff, 0], at);
    const answers = await Promise.allSettled([
      ...jpegs.map(({ file }) => read(bytesOf(file))),
      read(damagedJpeg),
      ...jpegs.map(({ file }) => read(bytesOf(file))),
    ]);
    const failed = answers.flatMap(({ status }, at) => (status === "rejected" ? [at] : []));
    expect(failed).toEqual([jpegs.length]);
  });
});

test("16-bit samples become their 257th part, rounded", async () => {
  const data = Uint16Array.of(0, 128, 129, 257, 65535, 32768);
  const { data: rgb } = await read(encodeGreyPng({ height: 2, width: 3, data }));
  expect(Array.from(rgb).filter((_, at) => at % 3 === 0)).toEqual([0, 0, 1, 1, 255, 128]);
});

test("what is written is read again, interlaced or not", async () => {
  const data = Uint8Array.from({ length: 5 * 9 * 3 }, (_, at) => (at * 37) % 256);
  const picture = { height: 5, width: 9, data };
  expect((await read(encodePng(picture))).data).toEqual(data);
  const interlaced = encode({ height: 5, width: 9, data, channels: 3, depth: 8 }, { interlace: "Adam7" });
  expect((await read(interlaced)).data).toEqual(data);
  expect(() => encodePng({ ...picture, width: 8 })).toThrow(GeometryError);
});

describe("masks", () => {
  test.each([
    ["8 bits", encodeGreyPng({ height: 1, width: 4, data: Uint8Array.of(0, 1, 255, 0) })],
    ["16 bits, small numbers too", encodeGreyPng({ height: 1, width: 4, data: Uint16Array.of(0, 1, 700, 0) })],
    ["colours", encodePng({ height: 1, width: 4, data: Uint8Array.of(0, 0, 0, 0, 0, 1, 9, 0, 0, 0, 0, 0) })],
    [
      "alpha does not count",
      encode({ height: 1, width: 4, data: Uint8Array.of(0, 9, 1, 0, 7, 0, 0, 255), channels: 2, depth: 8 }),
    ],
  ])("%s", (_, bytes) => {
    expect(Array.from(decodeMask(bytes).data)).toEqual([0, 1, 1, 0]);
  });

  test("a JPEG in the middle of a buffer that others share is read alone", async () => {
    const jpeg = fixture("JPEG, grey");
    const shared = Buffer.alloc(jpeg.length + 200, 7);
    shared.set(jpeg, 100);
    expect(await read(shared.subarray(100, 100 + jpeg.length))).toEqual(await read(jpeg));
  });

  test("a JPEG is no mask", () => {
    expect(() => decodeMask(fixture("JPEG, grey"))).toThrow(/a mask as PNG/);
  });
});

describe("files that are not what they claim are refused before anything is made of them", () => {
  const png = fixture("PNG, RGB");
  const jpeg = fixture("JPEG, colours halved both ways");
  const changed = (bytes: Uint8Array, at: number, ...values: number[]) => {
    const copy = bytes.slice();
    copy.set(values, at);
    return copy;
  };
  const sizes = { none: [0, 0, 0, 0], huge: [0, 0, 0xea, 0x60] }; // 60000
  const frame = jpeg.findIndex((byte, at) => byte === 0xff && jpeg[at + 1] === 0xc0);

  test.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(0), /it is empty/],
    ["four bytes", Uint8Array.of(0x89, 0x50, 0x4e, 0x47), /a PNG or JPEG picture/],
    ["four bytes of a JPEG", Uint8Array.of(0xff, 0xd8, 0xff, 0xe0), /ends too early/],
    ["text", new TextEncoder().encode("a picture"), /looks like text/],
    ["a TIFF", new TextEncoder().encode("II*\0rest"), /looks like a TIFF/],
    ["a PNG claiming 60000×60000", changed(png, 16, ...sizes.huge, ...sizes.huge), /60000×60000/],
    ["a PNG claiming much in few bytes", changed(png, 16, 0, 0, 0x20, 0, 0, 0, 0x20, 0), /compressed bytes/],
    ["a PNG of no width", changed(png, 16, ...sizes.none), /at least one pixel/],
    ["a PNG with fewer lines than it has", changed(png, 20, 0, 0, 0, 3), /more data/],
    ["a PNG with a wrong checksum", changed(png, png.length - 1, 0), /damaged PNG/],
    ["a PNG of 3 bits", changed(png, 24, 3), /3 bits/],
    ["a PNG part longer than the file", changed(png, 33, 0x7f), /ends after the file/],
    ["a JPEG claiming 60000×60000", changed(jpeg, frame + 5, 0xea, 0x60, 0xea, 0x60), /60000×60000/],
    ["a JPEG claiming much in few bytes", changed(jpeg, frame + 5, 0x10, 0, 0x10, 0), /in \d+ bytes/],
    ["a JPEG of no height", changed(jpeg, frame + 5, 0, 0), /at least one pixel/],
    ["a lossless JPEG", changed(jpeg, frame + 1, 0xc3), /lossless/],
    ["a JPEG of 12 bits", changed(jpeg, frame + 4, 12), /12 bits/],
    ["a JPEG without pixels", Uint8Array.of(0xff, 0xd8, 0xff, 0xd9), /without pixels/],
  ])("%s", async (_, bytes, message) => {
    const failure = await read(bytes).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(FormatError);
    expect((failure as FormatError).message).toMatch(message);
  });

  test.each([
    ["PNG", png],
    ["JPEG", jpeg],
  ])("a %s picture cut short anywhere", async (_, bytes) => {
    for (let length = 0; length < bytes.length; length += 7) {
      await expect(read(bytes.subarray(0, length))).rejects.toBeInstanceOf(FormatError);
    }
  });
});

test("files: read by content, written whole, missing ones explained", async () => {
  const folder = await mkdtemp(join(tmpdir(), "picture-"));
  try {
    const { rgb, file } = fixtures.pictures.find(({ name }) => name.startsWith("JPEG, full"))!;
    await writeFile(join(folder, "a.png"), bytesOf(file)); // a JPEG whatever its name says
    const picture = await readPicture(join(folder, "a.png"));
    expect(Buffer.from(picture.data).toString("base64")).toBe(rgb);
    await writePng(join(folder, "b.png"), picture);
    expect((await readPicture(join(folder, "b.png"))).data).toEqual(picture.data);
    await writePng(join(folder, "m.png"), { height: 1, width: 2, data: Uint8Array.of(0, 255) });
    expect(await readMask(join(folder, "m.png"))).toEqual({ height: 1, width: 2, data: Uint8Array.of(0, 1) });
    await expect(readPicture(join(folder, "none.png"))).rejects.toThrow(FileError);
  } finally {
    await rm(folder, { recursive: true });
  }
});
