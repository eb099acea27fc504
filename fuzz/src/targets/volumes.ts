/**
 * NRRD and MetaImage from memory, with the files that detached headers ask for; and every format through the disk, as a user's file
 * comes in: recognised by content, streamed, inflated by zlib.
 */
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateSync, gzipSync } from "node:zlib";
import { readImageSource, sourceOfBytes } from "@rfmedsam/imaging";
import { readImage } from "@rfmedsam/imaging/node";
import { inflatedMemory, type Target } from "../target.js";
import { checkVolume } from "./checks.js";

/** 2×3×4 voxels of two bytes. */
const voxels = Uint8Array.from({ length: 48 }, (_, at) => (at * 5) % 251);

/** What lies beside a detached header. */
const beside: Readonly<Record<string, Uint8Array>> = {
  "v.raw": voxels,
  "v.raw.gz": gzipSync(voxels),
  "v.zraw": deflateSync(voxels),
  "s1.raw": voxels.subarray(0, 24),
  "s2.raw": voxels.subarray(24),
};

async function parseBytes(bytes: Uint8Array, file: string): Promise<void> {
  checkVolume((await readImageSource(sourceOfBytes(bytes, { file, beside }))).volume);
}

function withVoxels(lines: readonly string[], end: string, data: Uint8Array = new Uint8Array()): Uint8Array {
  return Buffer.concat([Buffer.from(lines.join(end) + end, "latin1"), data]);
}

const nrrdGrid = ["dimension: 3", "sizes: 2 3 4"];
const nrrdPlace = [
  "space: left-posterior-superior",
  "space directions: (0.8,0,0) (0,0.9,0.1) (0,0,2.5)",
  "space origin: (1,-2,3.5)",
  "kinds: domain domain domain",
];
const nrrdShort = ["type: short", "endian: little"];

/** With an empty line behind the header. */
const nrrd = (lines: readonly string[], data?: Uint8Array, end = "\n") => withVoxels([...lines, ""], end, data);

export const nrrdSeeds = (): Uint8Array[] => [
  nrrd(
    ["NRRD0004", "# a comment", ...nrrdShort, ...nrrdGrid, ...nrrdPlace, "encoding: raw", "key:=a \\n value"],
    voxels,
  ),
  nrrd(["NRRD0005", ...nrrdShort, ...nrrdGrid, ...nrrdPlace, "encoding: gzip"], gzipSync(voxels)),
  nrrd(
    ["NRRD0001", "type: uchar", "dimension: 2", "sizes: 6 8", "spacings: 0.5 0.25", "encoding: raw"],
    voxels,
    "\r\n",
  ),
  nrrd(
    ["NRRD0003", "type: ushort", "endian: big", ...nrrdGrid, "spacings: 1 2 3", "axis mins: 0 0 0", "encoding: raw"],
    voxels,
  ),
  nrrd(
    [
      "NRRD0004",
      ...nrrdShort,
      ...nrrdGrid,
      ...nrrdPlace,
      'space units: "cm" "cm" "cm"',
      "encoding: raw",
      "byte skip: -1",
    ],
    Buffer.concat([voxels, voxels]),
  ),
  nrrd(["NRRD0004", ...nrrdShort, ...nrrdGrid, ...nrrdPlace, "encoding: gz", "data file: v.raw.gz"]),
  nrrd([
    "NRRD0004",
    ...nrrdShort,
    ...nrrdGrid,
    ...nrrdPlace,
    "encoding: raw",
    "line skip: 0",
    "data file: s%d.raw 1 2 1 2",
  ]),
  nrrd(["NRRD0004", ...nrrdShort, ...nrrdGrid, ...nrrdPlace, "encoding: raw", "data file: LIST 2", "s1.raw", "s2.raw"]),
  nrrd(
    [
      ...["NRRD0005", "type: uchar", "dimension: 4", "sizes: 2 2 3 2", "space: LPS", "encoding: raw"],
      "space directions: none (1,0,0) (0,1,0) (0,0,2)",
      ...["space origin: (0,0,0)", "kinds: list domain domain domain"],
      ...["Segment0_ID:=S0", "Segment0_Name:=liver", "Segment0_Layer:=0", "Segment0_LabelValue:=1"],
      ...["Segment1_ID:=S1", "Segment1_Name:=spleen", "Segment1_Layer:=1", "Segment1_LabelValue:=1"],
    ],
    Uint8Array.from({ length: 24 }, (_, at) => (at % 3 === 0 ? 1 : 0)).map((value, at) => (at % 2 === 0 ? value : 0)),
  ),
];

const nrrdTokens = [
  ...[
    "NRRD0005",
    "\n\n",
    "\n",
    "\r\n",
    "type: ",
    "float",
    "double",
    "int8",
    "uint64",
    "block",
    "endian: big",
    "dimension: 4",
    "sizes: ",
  ],
  ...[
    "encoding: ",
    "gzip",
    "raw",
    "text",
    "hex",
    "bzip2",
    "data file: ",
    "LIST",
    "LIST 2",
    "v.raw",
    "%03d",
    "../",
    "line skip: 1",
    "byte skip: -1",
  ],
  ...[
    "space: RAS",
    "space dimension: 3",
    "scanner-xyz",
    "-time",
    "space directions: ",
    "none ",
    "(1,0,0)",
    "(nan,0,0)",
    "space origin: ",
    "spacings: ",
  ],
  ...[
    "kinds: list domain domain domain",
    "vector",
    "RGB-color",
    "measurement frame: ",
    "Segment0_ID:=x",
    "Segment0_Layer:=",
    "Segment0_LabelValue:=",
    "labels: ",
    "units: ",
    ":=",
    "#",
  ],
];

export const nrrdTarget: Target = {
  name: "nrrd",
  seeds: nrrdSeeds,
  tokens: nrrdTokens,
  memory: inflatedMemory,
  parse: (bytes) => parseBytes(bytes, "input.nrrd"),
};

const metaStart = ["ObjectType = Image", "NDims = 3", "BinaryData = True"];
const metaPlace = [
  "TransformMatrix = 1 0 0 0 0.99 0.1 0 -0.1 0.99",
  "Offset = 1 -2 3.5",
  "CenterOfRotation = 0 0 0",
  "ElementSpacing = 0.8 0.9 2.5",
];
const metaGrid = ["DimSize = 2 3 4", "AnatomicalOrientation = RAI"];

export const metaImageSeeds = (): Uint8Array[] => [
  withVoxels(
    [
      ...metaStart,
      "BinaryDataByteOrderMSB = False",
      ...metaPlace,
      ...metaGrid,
      "ElementType = MET_SHORT",
      "ElementDataFile = LOCAL",
    ],
    "\n",
    voxels,
  ),
  withVoxels(
    [
      ...metaStart,
      "CompressedData = True",
      `CompressedDataSize = ${deflateSync(voxels).length}`,
      ...metaPlace,
      ...metaGrid,
      "ElementType = MET_USHORT",
      "ElementDataFile = LOCAL",
    ],
    "\n",
    deflateSync(voxels),
  ),
  withVoxels(
    [
      "NDims = 2",
      "DimSize = 6 4",
      "ElementByteOrderMSB = True",
      "ElementType = MET_SHORT",
      "ElementSize = 1 2",
      "ElementDataFile = LOCAL",
    ],
    "\r\n",
    voxels,
  ),
  withVoxels(
    [
      ...metaStart,
      ...metaPlace,
      ...metaGrid,
      "DistanceUnits = cm",
      "HeaderSize = -1",
      "ElementType = MET_SHORT",
      "ElementDataFile = v.raw",
    ],
    "\n",
  ),
  withVoxels(
    [...metaStart, "CompressedData = True", ...metaGrid, "ElementType = MET_SHORT", "ElementDataFile = v.zraw"],
    "\n",
  ),
  withVoxels(
    [...metaStart, "DimSize = 2 3 2", "ElementType = MET_INT", "ElementDataFile = LIST", "s1.raw", "s2.raw"],
    "\n",
  ),
  withVoxels(
    [
      ...metaStart,
      "DimSize = 2 3 2",
      "ElementType = MET_FLOAT",
      "ElementNumberOfChannels = 1",
      "ElementDataFile = s%d.raw 1 2 1",
    ],
    "\n",
  ),
];

const metaTokens = [
  ...[
    "ObjectType = ",
    "NDims = ",
    "DimSize = ",
    "BinaryData = ",
    "CompressedData = True",
    "CompressedDataSize = ",
    "ElementType = ",
    "ElementDataFile = ",
  ],
  ...[
    "MET_UCHAR",
    "MET_DOUBLE",
    "MET_LONG_LONG",
    "MET_ULONG_LONG",
    "MET_OTHER",
    "LOCAL",
    "LIST",
    "LIST 2",
    "v.raw",
    "%d",
    "../",
    "HeaderSize = ",
    "TransformMatrix = ",
  ],
  ...[
    "ElementSpacing = ",
    "Offset = ",
    "DistanceUnits = um",
    "ElementNumberOfChannels = 3",
    "BinaryDataByteOrderMSB = True",
    "ElementToIntensityFunctionSlope = 2",
    "\n",
    "\r\n",
    " = ",
  ],
];

export const metaImageTarget: Target = {
  name: "metaimage",
  seeds: metaImageSeeds,
  tokens: metaTokens,
  memory: inflatedMemory,
  parse: (bytes) => parseBytes(bytes, "input.mha"),
};

/** Any format from disk. */
export function fromDisk(seeds: Target["seeds"], tokens: Target["tokens"]): Target {
  return {
    name: "image-file",
    seeds,
    tokens,
    memory: () => 500e6,
    async parse(bytes, scratch) {
      // No ending: content alone decides.
      const file = join(scratch, "input");
      writeFileSync(file, bytes);
      if (!existsSync(join(scratch, "v.raw"))) {
        for (const [name, data] of Object.entries(beside)) writeFileSync(join(scratch, name), data);
      }
      checkVolume((await readImage(file)).volume);
    },
  };
}
