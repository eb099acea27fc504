/** TIFF pictures → volumes: a page is a slice. Grey, palette or RGB; 1, 8, 16, 32 or 64 bits; strips or tiles. */
import { FormatError } from "@rfmedsam/base";
import { formatShape } from "../../grid.js";
import type { VoxelArray } from "../../volume.js";
import type { ByteSource } from "../byte-source.js";
import type { ImageFile } from "../image-file.js";
import { checkSize } from "../picture/limits.js";
import { luma } from "../picture/luma.js";
import { colourWarning, pictureAffine, pictureSpacingWarning } from "../picture/volume.js";
import { type ScalarName, scalarTypes } from "../scalars.js";
import { damagedTiff, readDirectories, type Tags, tag } from "./directory.js";
import { type PageLayout, pageLayout, readPage } from "./page.js";

export { isTiff } from "./directory.js";

/** @throws FormatError for files that are damaged, packed in a way that is not read, or whose pages differ */
export async function readTiff(source: ByteSource): Promise<Omit<ImageFile, "format">> {
  const { littleEndian, pages } = await readDirectories(source);
  // Smaller copies of a page (pyramids, thumbnails) are no slices.
  const full = pages.filter((page) => ((page.get(tag.subfileType)?.[0] ?? 0) & 1) === 0);
  if (full.length === 0) throw damagedTiff(source, "no page");
  const layouts = full.map((page) => layoutOf(page, source));
  const [first] = layouts as [PageLayout, ...PageLayout[]];
  assertAlike(layouts, source);
  assertInside(layouts, source);
  const type = typeOf(first);
  const { width, height } = first;
  const data: VoxelArray = new scalarTypes[type].Array(width * height * layouts.length);
  let wasGrey = true;
  for (const [slice, layout] of layouts.entries()) {
    const samples = await readPage(source, layout, littleEndian);
    const grey = greyOf(samples, layout, type, source);
    wasGrey &&= grey.wasGrey;
    data.set(grey.data as never, slice * width * height);
  }
  const warnings = [
    layouts.length === 1 ? pictureSpacingWarning : "pages are taken as slices, 1 mm apart, with voxels of 1 mm",
    ...(wasGrey ? [] : [colourWarning]),
    ...(first.orientation === 1 ? [] : [`the orientation ${first.orientation} is not applied`]),
  ];
  return {
    volume: { data, shape: [layouts.length, height, width], affine: pictureAffine },
    warnings,
    description: { pages: layouts.length, stored: `${first.samples} × ${first.bits} bits` },
  };
}

function layoutOf(page: Tags, source: ByteSource): PageLayout {
  const layout = pageLayout(page, source);
  checkSize(layout.width, layout.height, source.file);
  return layout;
}

function assertAlike(layouts: readonly PageLayout[], { file }: ByteSource): void {
  const kind = ({ width, height, samples, bits, format }: PageLayout) =>
    `${formatShape([width, height])} pixels, ${samples} × ${bits} bits (${format})`;
  const other = layouts.findIndex((layout) => kind(layout) !== kind(layouts[0]!));
  if (other < 0) return;
  throw new FormatError({
    file,
    found: `page ${other + 1} of ${kind(layouts[other]!)}, page 1 of ${kind(layouts[0]!)}`,
    expected: "pages of one size and type, which are slices of one volume",
    hint: "save the pages as files of their own",
  });
}

/** Packed bytes are shared by no two blocks, so that a small file cannot stand for endless slices. */
function assertInside(layouts: readonly PageLayout[], source: ByteSource): void {
  let stored = 0;
  for (const { counts } of layouts) for (const count of counts) stored += count;
  if (stored > source.size) throw damagedTiff(source, `blocks of ${stored} bytes in ${source.size}`);
}

/** The voxels' type: that of the samples; colours are grey of 8 or 16 bits. */
function typeOf({ bits, format }: PageLayout): ScalarName {
  if (bits === 1) return "uint8";
  if (format === "float") return bits === 32 ? "float32" : "float64";
  return `${format}${bits}` as ScalarName;
}

function greyOf(
  bytes: Uint8Array<ArrayBuffer>,
  layout: PageLayout,
  type: ScalarName,
  source: ByteSource,
): { data: VoxelArray; wasGrey: boolean } {
  const { photometric, samples, bits } = layout;
  const { bytes: size, Array: Type } = scalarTypes[type];
  const values = new Type(bytes.buffer, bytes.byteOffset, bytes.length / size);
  if (photometric === "palette") return fromPalette(values as Uint8Array, layout, source);
  if (photometric === "rgb") return toGrey(values as Uint8Array | Uint16Array, samples);
  const data = samples === 1 ? values : (values.filter((_: unknown, at: number) => at % samples === 0) as VoxelArray);
  if (photometric === "white is zero") {
    const most = 2 ** bits - 1;
    for (let i = 0; i < data.length; i++) data[i] = most - (data[i] as number);
  }
  return { data, wasGrey: true };
}

function toGrey(values: Uint8Array | Uint16Array, samples: number) {
  const { grey, wasGrey } = luma(values, samples);
  return { data: grey, wasGrey };
}

function fromPalette(indices: Uint8Array, { colourMap }: PageLayout, source: ByteSource) {
  const count = colourMap.length / 3;
  const colours = new Uint8Array(indices.length * 3);
  for (let i = 0; i < indices.length; i++) {
    const index = indices[i]!;
    if (index >= count) throw damagedTiff(source, `colour ${index} of a palette of ${count}`);
    for (let n = 0; n < 3; n++) colours[3 * i + n] = colourMap[n * count + index]! >> 8;
  }
  return toGrey(colours, 3);
}
