/** PNG and JPEG as pictures, PNG as masks. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { crc32, deflateSync } from "node:zlib";
import { decodeMask, decodePicture } from "@rfmedsam/imaging";
import { root } from "../files.js";
import type { Target } from "../target.js";
import { checkSamples, soundAfterwards } from "./checks.js";

interface PngStyle {
  readonly depth: number;
  readonly colourType: number;
  readonly interlaced?: boolean;
  readonly extra?: readonly (readonly [type: string, content: Uint8Array])[];
}

/** Samples per pixel of the colour types. */
const channels: Readonly<Record<number, number>> = { 0: 1, 2: 3, 3: 1, 4: 2, 6: 4 };

/** 5×4 pixels, every kind of filter where they are no indices; pixels are stored, not compressed, so that changes reach them. */
function png({ depth, colourType, interlaced = false, extra = [] }: PngStyle): Uint8Array {
  const [width, height] = [5, 4];
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, colourType, 0, 0, interlaced ? 1 : 0], 8);
  const bits = depth * channels[colourType]!;
  const line = (columns: number, row: number) =>
    Buffer.from([
      colourType === 3 ? 0 : row % 5,
      ...Array.from({ length: Math.ceil((columns * bits) / 8) }, (_, at) => (at * 7) % 4),
    ]);
  // Adam7 of 5×4 pixels: columns and rows of the passes that are not empty.
  const passes = interlaced
    ? [
        [1, 1],
        [1, 1],
        [1, 1],
        [3, 1],
        [2, 2],
        [5, 2],
      ]
    : [[width, height]];
  const lines = passes.flatMap(([columns, rows]) => Array.from({ length: rows! }, (_, row) => line(columns!, row)));
  const chunks: [string, Uint8Array][] = [
    ["IHDR", header],
    ...extra.map(([type, content]): [string, Uint8Array] => [type, content]),
    ["IDAT", deflateSync(Buffer.concat(lines), { level: 0 })],
    ["IEND", new Uint8Array()],
  ];
  return Buffer.concat([
    Buffer.from("\u0089PNG\r\n\u001a\n", "latin1"),
    ...chunks.map(([type, content]) => chunk(type, content)),
  ]);
}

function chunk(type: string, content: Uint8Array): Buffer {
  const out = Buffer.alloc(12 + content.length);
  out.writeUInt32BE(content.length, 0);
  out.write(type, 4, "latin1");
  out.set(content, 8);
  out.writeUInt32BE(crc32(out.subarray(4, 8 + content.length)), 8 + content.length);
  return out;
}

const palette = ["PLTE", Uint8Array.from({ length: 12 }, (_, at) => 20 * at)] as const;
const transparency = ["tRNS", Uint8Array.of(0, 128, 255)] as const;

const pngs = () => [
  png({ depth: 8, colourType: 2 }),
  png({ depth: 16, colourType: 6 }),
  png({ depth: 8, colourType: 4, interlaced: true }),
  png({ depth: 16, colourType: 0, extra: [["tEXt", Buffer.from("Title\0seed")]] }),
  png({ depth: 1, colourType: 0 }),
  png({ depth: 4, colourType: 0 }),
  png({ depth: 2, colourType: 3, extra: [palette] }),
  png({ depth: 8, colourType: 3, extra: [palette, transparency], interlaced: true }),
];

const pngTokens = [
  "\u0089PNG\r\n\u001a\n",
  "IHDR",
  "PLTE",
  "tRNS",
  "IDAT",
  "IEND",
  "iCCP",
  "acTL",
  "fcTL",
  "fdAT",
  "tEXt",
];

/** Sets the checksums of all chunks, and that of the pixels where they are stored in one block. */
function repairPng(bytes: Uint8Array): Uint8Array {
  const out = Buffer.from(bytes);
  for (let at = 8; at + 12 <= out.length; ) {
    const length = out.readUInt32BE(at);
    const end = at + 12 + length;
    if (end > out.length) break;
    if (out.toString("latin1", at + 4, at + 8) === "IDAT" && length > 11) {
      let [a, b] = [1, 0];
      for (const byte of out.subarray(at + 8 + 7, end - 8)) {
        a = (a + byte) % 65521;
        b = (b + a) % 65521;
      }
      out.writeUInt32BE(b * 65536 + a, end - 8);
    }
    out.writeUInt32BE(crc32(out.subarray(at + 4, end - 4)), end - 4);
    at = end;
  }
  return out;
}

/** 134 million pixels of three colours are allowed (formats/picture/limits.ts), and are decoded from sizes of 500 MB in all. */
const pictureMemory = () => 1.2e9;

export const pngTarget: Target = {
  name: "png",
  seeds: pngs,
  tokens: pngTokens,
  repair: repairPng,
  memory: pictureMemory,
  async parse(bytes) {
    const mask = decodeMask(bytes, { file: "input.png" });
    checkSamples(mask.width, mask.height, mask.data.length, 1);
    const picture = await decodePicture(bytes, { file: "input.png" });
    checkSamples(picture.width, picture.height, picture.data.length, 3);
  },
};

/** Small ones that Pillow saved, from the pictures' own tests. */
function jpegs(): Uint8Array[] {
  const file = join(root, "packages/imaging/src/testing/fixtures/pictures.json");
  const { pictures } = JSON.parse(readFileSync(file, "utf8")) as { pictures: { name: string; file: string }[] };
  return pictures.filter(({ name }) => name.startsWith("JPEG")).map(({ file }) => Buffer.from(file, "base64"));
}

/** Node cannot fetch files, so the decoder's code is read for it. */
const wasm = readFileSync(
  createRequire(join(root, "packages/imaging/package.json")).resolve("@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm"),
);

async function decodeJpeg(bytes: Uint8Array): Promise<void> {
  const picture = await decodePicture(bytes, { file: "input.jpg", jpegWasm: wasm });
  checkSamples(picture.width, picture.height, picture.data.length, 3);
}

export const jpegTarget: Target = {
  name: "jpeg",
  seeds: jpegs,
  // Markers: start, frames, tables, scans, restarts, end.
  tokens: [..."ØÀÁÂÃÄÉÌÐÙÚÛÝàîþ"].map((marker) => `\u00ff${marker}`),
  memory: pictureMemory,
  parse: (bytes) => soundAfterwards(decodeJpeg(bytes), () => decodeJpeg(jpegs()[0]!)),
};
