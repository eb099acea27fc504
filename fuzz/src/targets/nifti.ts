/** NIfTI from memory: both versions and byte orders, single files, pairs (header and voxels in one input), plain and compressed. */
import { gzipSync } from "node:zlib";
import { channelCount, isNifti, readNifti, splitNiftiChannels } from "@rfmedsam/imaging";
import { inflatedMemory, type Target } from "../target.js";
import { checkVolume } from "./checks.js";

interface Style {
  readonly version?: 1 | 2;
  readonly littleEndian?: boolean;
  readonly pair?: boolean;
  /** Code and bits of the element type. */
  readonly datatype?: readonly [number, number];
  readonly dims?: readonly number[];
  readonly scaling?: readonly [slope: number, inter: number];
  readonly qform?: number;
  readonly sform?: number;
  /** Bytes between header and voxels, with the extension flag. */
  readonly between?: Uint8Array;
}

type Field = "int16" | "int32" | "int64" | "float32" | "float64";

/** Where the fields are (nifti1.h, nifti2.h): offset and type. */
const places = {
  1: {
    size: 348,
    dim: [40, "int16"],
    datatype: [70, "int16"],
    bitpix: [72, "int16"],
    pixdim: [76, "float32"],
    offset: [108, "float32"],
    scaling: [112, "float32"],
    forms: [252, "int16"],
    quaternion: [256, "float32"],
    srow: [280, "float32"],
    magic: 344,
  },
  2: {
    size: 540,
    dim: [16, "int64"],
    datatype: [12, "int16"],
    bitpix: [14, "int16"],
    pixdim: [104, "float64"],
    offset: [168, "int64"],
    scaling: [176, "float64"],
    forms: [344, "int32"],
    quaternion: [352, "float64"],
    srow: [400, "float64"],
    magic: 4,
  },
} as const satisfies Record<1 | 2, Record<string, number | readonly [number, Field]>>;

const widths: Readonly<Record<Field, number>> = { int16: 2, int32: 4, int64: 8, float32: 4, float64: 8 };

function nifti({
  version = 1,
  littleEndian = true,
  pair = false,
  datatype = [4, 16],
  dims = [3, 4, 2],
  scaling = [1, 0],
  qform = 0,
  sform = 1,
  between = new Uint8Array(4),
}: Style): Uint8Array {
  const place = places[version];
  const [code, bits] = datatype;
  const voxels = (dims.reduce((product, size) => product * size, 1) * bits) / 8;
  const start = place.size + (pair ? 0 : between.length);
  const out = new Uint8Array(start + voxels);
  const view = new DataView(out.buffer);
  const put = ([at, type]: readonly [number, Field], ...values: number[]) => {
    for (const [index, value] of values.entries()) {
      const to = at + index * widths[type];
      if (type === "int16") view.setInt16(to, value, littleEndian);
      else if (type === "int32") view.setInt32(to, value, littleEndian);
      else if (type === "int64") view.setBigInt64(to, BigInt(value), littleEndian);
      else if (type === "float32") view.setFloat32(to, value, littleEndian);
      else view.setFloat64(to, value, littleEndian);
    }
  };
  put([0, "int32"], place.size);
  put(place.dim, dims.length, ...dims);
  put(place.datatype, code);
  put(place.bitpix, bits);
  put(place.pixdim, 1, 0.8, 0.9, 2.5, 1);
  put(place.offset, pair ? 0 : start);
  put(place.scaling, ...scaling);
  put(place.forms, qform, sform);
  put(place.quaternion, 0, 0.6, 0, 5, -7, 11);
  put(place.srow, -0.8, 0, 0, 10, 0, 0.9, 0, -20, 0, 0.1, 2.5, 30);
  const magic = `${pair ? "ni" : "n+"}${version}\0${version === 2 ? "\r\n\u001a\n" : ""}`;
  out.set(Buffer.from(magic, "latin1"), place.magic);
  if (!pair) out.set(between, place.size);
  for (let at = start; at < out.length; at++) out[at] = 37 * at;
  return out;
}

/** One extension: flag, size, code (6: text), content. */
const extension = Buffer.from("\u0001\0\0\0\u0010\0\0\0\u0006\0\0\0seeds of", "latin1");

/** Element types: code and bits. */
const datatypes = [
  [2, 8],
  [8, 32],
  [16, 32],
  [64, 64],
  [256, 8],
  [512, 16],
  [768, 32],
  [1024, 64],
  [1280, 64],
] as const;

/** One volume in one file. */
export const niftiVolumes = (): Uint8Array[] => [
  ...([1, 2] as const).flatMap((version) => [
    nifti({ version }),
    nifti({ version, littleEndian: false, datatype: [16, 32] }),
    nifti({ version, qform: 1, sform: 0, scaling: [2.5, -3] }),
    nifti({ version, sform: 0, dims: [5, 3], datatype: [2, 8] }),
  ]),
  ...datatypes.map((datatype) => nifti({ datatype })),
  nifti({ between: extension }),
  gzipSync(nifti({})),
  gzipSync(nifti({ version: 2, datatype: [64, 64] }), { level: 0 }),
];

/** Several channels, and header and voxels apart. */
const others = () =>
  ([1, 2] as const).flatMap((version) => [
    nifti({ version, dims: [2, 3, 2, 1, 2], scaling: [2, -1000] }),
    nifti({ version, pair: true }),
  ]);

const niftiTokens = ["n+1\0", "ni1\0", "n+2\0\r\n\u001a\n", "ni2\0\r\n\u001a\n", "\u001f\u008b\b\0"];

export const nifti12: Target = {
  name: "nifti",
  seeds: () => [...niftiVolumes(), ...others()],
  tokens: niftiTokens,
  memory: inflatedMemory,
  parse(bytes) {
    isNifti(bytes);
    // A pair's two files lie one behind the other: which of both headers it is, its first byte says.
    const header = bytes[0] === 0x5c || bytes[3] === 0x5c ? 348 : 540;
    const image = readNifti(bytes, { file: "input.nii", voxels: bytes.subarray(header), voxelFile: "input.img" });
    if (channelCount(image.header) > 1000) return;
    for (const volume of splitNiftiChannels(image)) checkVolume(volume);
  },
};
