/** Volumes → MetaImage files: `.mha` with its voxels, or the header of an `.mhd` with its voxels in another file. */
import { directionOf, originOf, spacingOf } from "../../geometry.js";
import type { Volume } from "../../volume.js";
import type { ScalarName } from "../scalars.js";

const types: { readonly [Name in ScalarName]: string } = {
  uint8: "MET_UCHAR",
  int8: "MET_CHAR",
  uint16: "MET_USHORT",
  int16: "MET_SHORT",
  uint32: "MET_UINT",
  int32: "MET_INT",
  float32: "MET_FLOAT",
  float64: "MET_DOUBLE",
  int64: "MET_LONG_LONG",
  uint64: "MET_ULONG_LONG",
};

/** The text before the voxels. @param dataFile `LOCAL`, or the name of the file with the voxels */
export function metaImageHeader(volume: Volume, type: ScalarName, packed: boolean, dataFile: string): string {
  // RAS → LPS; "+ 0" keeps a flipped zero from becoming -0.
  const lps = ([x, y, z]: readonly [number, number, number]) => [-x + 0, -y + 0, z];
  return `${[
    "ObjectType = Image",
    "NDims = 3",
    "BinaryData = True",
    "BinaryDataByteOrderMSB = False",
    `CompressedData = ${packed ? "True" : "False"}`,
    `TransformMatrix = ${directionOf(volume).flatMap(lps).join(" ")}`,
    `Offset = ${lps(originOf(volume)).join(" ")}`,
    "CenterOfRotation = 0 0 0",
    "AnatomicalOrientation = RAI",
    `ElementSpacing = ${[...spacingOf(volume)].reverse().join(" ")}`,
    `DimSize = ${[...volume.shape].reverse().join(" ")}`,
    `ElementType = ${types[type]}`,
    `ElementDataFile = ${dataFile}`,
  ].join("\n")}\n`;
}
