/**
 * Segmentations of 3D Slicer (`.seg.nrrd`). Each segment has a layer and a value in it; segments that overlap lie in different layers,
 * which are the file's first axis. A label volume has one number per voxel, so layers are merged where no voxel belongs to two segments.
 * Source: 3D Slicer's documentation, "Segmentations, segmentation file (.seg.nrrd) metadata".
 */
import { FormatError } from "@rfmedsam/base";
import type { VoxelArray } from "../../volume.js";

export interface NrrdSegment {
  readonly name: string;
  readonly layer: number;
  readonly value: number;
}

/** The segments in the order of their numbers; none for other files. */
export function segmentsOf(pairs: ReadonlyMap<string, string>): NrrdSegment[] {
  const segments: NrrdSegment[] = [];
  for (let n = 0; pairs.has(`Segment${n}_ID`); n++) {
    const entry = (key: string) => pairs.get(`Segment${n}_${key}`);
    segments.push({
      name: (entry("Name") ?? entry("ID")!).trim(),
      layer: Number(entry("Layer") ?? 0),
      value: Number(entry("LabelValue") ?? 1),
    });
  }
  return segments;
}

/**
 * One number per voxel from several layers.
 *
 * @param data `[z, y, x, layer]` as stored, the layers fastest
 * @returns uint16 labels and each segment's number: its own value where that is one segment's alone, else 1, 2, … for all
 * @throws FormatError when a voxel belongs to two segments, or a value to none
 */
export function mergeLayers(
  data: VoxelArray,
  layers: number,
  segments: readonly NrrdSegment[],
  file?: string,
): { labels: Uint16Array; numbers: readonly number[] } {
  const valid = ({ layer, value }: NrrdSegment) =>
    Number.isInteger(layer) && layer >= 0 && layer < layers && Number.isInteger(value) && value > 0 && value < 65536;
  const wrong = segments.find((segment) => !valid(segment));
  if (wrong !== undefined) {
    throw new FormatError({
      file,
      found: `the segment "${wrong.name}" in layer ${wrong.layer} with the value ${wrong.value}`,
      expected: `a layer from 0 to ${layers - 1} and a value from 1 to 65535`,
    });
  }
  const distinct = new Set(segments.map(({ value }) => value)).size === segments.length;
  const numbers = segments.map(({ value }, n) => (distinct ? value : n + 1));
  // The segment of each value, for the layers that have one: a file may claim any number of layers.
  const tables = new Map(segments.map(({ layer }) => [layer, new Map<number, number>()]));
  for (const [n, { layer, value }] of segments.entries()) tables.get(layer)!.set(value, n);
  const labels = new Uint16Array(data.length / layers);
  for (let voxel = 0; voxel < labels.length; voxel++) {
    let found = -1;
    for (let layer = 0; layer < layers; layer++) {
      const value = Number(data[voxel * layers + layer]);
      if (value === 0) continue;
      const n = tables.get(layer)?.get(value);
      if (n === undefined) throw noSegment(value, layer, file);
      if (found >= 0) throw overlapping(segments[found]!, segments[n]!, file);
      found = n;
    }
    if (found >= 0) labels[voxel] = numbers[found]!;
  }
  return { labels, numbers };
}

function noSegment(value: number, layer: number, file?: string): FormatError {
  return new FormatError({ file, found: `the value ${value} in layer ${layer}`, expected: "the value of a segment" });
}

function overlapping(a: NrrdSegment, b: NrrdSegment, file?: string): FormatError {
  return new FormatError({
    file,
    found: `segments that overlap: a voxel belongs to both "${a.name}" and "${b.name}"`,
    expected: "one label per voxel",
    hint: "export the segments one by one from 3D Slicer, or export a label map, in which one of them wins",
  });
}
