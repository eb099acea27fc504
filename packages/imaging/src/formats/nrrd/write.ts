/** Volumes → NRRD files (`.nrrd`, voxels attached). Directions and origin are in LPS with every digit, so an affine survives exactly. */
import type { Volume } from "../../volume.js";
import type { ScalarName } from "../scalars.js";

const types: { readonly [Name in ScalarName]: string } = {
  uint8: "uint8",
  int8: "int8",
  uint16: "uint16",
  int16: "int16",
  uint32: "uint32",
  int32: "int32",
  float32: "float",
  float64: "double",
  int64: "int64",
  uint64: "uint64",
};

/** The text before the voxels, its empty line included. */
export function nrrdHeader({ shape, affine }: Volume, type: ScalarName, gzipped: boolean): string {
  const signs = [-1, -1, 1];
  const vector = (column: number) =>
    `(${[0, 1, 2].map((row) => affine[row * 4 + column]! * signs[row]! + 0).join(",")})`;
  return [
    "NRRD0004",
    "# Written by rfmedsam",
    `type: ${types[type]}`,
    "dimension: 3",
    "space: left-posterior-superior",
    `sizes: ${[...shape].reverse().join(" ")}`,
    `space directions: ${[0, 1, 2].map(vector).join(" ")}`,
    "kinds: domain domain domain",
    "endian: little",
    `encoding: ${gzipped ? "gzip" : "raw"}`,
    `space origin: ${vector(3)}`,
    "",
    "",
  ].join("\n");
}
