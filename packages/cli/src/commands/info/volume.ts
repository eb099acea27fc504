/** A volume: where it lies and what its voxels are like. */
import {
  channelCount,
  formatShape,
  formatSpacing,
  gridOfNifti,
  intensityStatistics,
  orientationOf,
  originOf,
  spacingOf,
  splitNiftiChannels,
  toFloat32,
  voxelCount,
} from "@rfmedsam/imaging";
import { readNiftiFile } from "@rfmedsam/imaging/node";
import { formatNumber } from "../../ui/format.js";
import { type Description, listing } from "./description.js";

/** More different values than this are intensities, not labels. */
const mostLabels = 256;

export async function describeVolume(path: string): Promise<Description> {
  const image = await readNiftiFile(path);
  const { header, warnings } = image;
  const grid = gridOfNifti(header);
  const channels = channelCount(header);
  const spacing = spacingOf(grid);
  const size = grid.shape.map((count, axis) => count * spacing[axis]!);
  const data = toFloat32(splitNiftiChannels(image)[0]!.data);
  const finite = data.filter(Number.isFinite);
  const statistics = intensityStatistics(finite);
  const labels = labelVolumes(finite, (spacing[0] * spacing[1] * spacing[2]) / 1000);
  const facts = {
    kind: "volume",
    format: `NIfTI-${header.version}${header.container === "pair" ? " (.hdr/.img)" : ""}`,
    type: header.datatype.name,
    channels,
    shape: grid.shape,
    spacing,
    orientation: orientationOf(grid),
    origin: originOf(grid),
    affine: grid.affine,
    affineSource: header.affineSource,
    notFinite: data.length - finite.length,
    statistics,
    labels,
    warnings,
  };
  const round = (values: readonly number[]) => values.map((value) => String(Number(value.toFixed(3)))).join(", ");
  const text = [
    listing([
      ["format", `${facts.format}, ${facts.type}`],
      [
        "shape",
        `${formatShape(grid.shape)} (z×y×x), ${voxelCount(grid.shape)} voxels${channels > 1 ? `, ${channels} channels` : ""}`,
      ],
      ["spacing", formatSpacing(spacing)],
      ["extent", `${size.map((mm) => mm.toFixed(0)).join("×")} mm`],
      ["orientation", `${facts.orientation} (i, j, k grow towards ${directions(facts.orientation)})`],
      ["first voxel", `${round(facts.origin)} mm (x, y, z in RAS+; from the ${header.affineSource})`],
      ...(data.length === 0 || finite.length === 0
        ? []
        : ([
            ["range", `${formatNumber(statistics.min)} to ${formatNumber(statistics.max)}`],
            ["mean ± sd", `${formatNumber(statistics.mean)} ± ${formatNumber(statistics.std)}`],
            [
              "percentiles",
              `0.5 %: ${formatNumber(statistics.percentile005)}, 50 %: ${formatNumber(statistics.median)}, 99.5 %: ${formatNumber(statistics.percentile995)}`,
            ],
          ] as const)),
      ...(facts.notFinite > 0 ? ([["not finite", `${facts.notFinite} voxels`]] as const) : []),
    ]),
    ...(labels.length > 0
      ? [
          "\nAs labels:\n",
          listing(
            labels.map(({ value, voxels, ml }) => [
              `  ${value}`,
              `${voxels} voxel${voxels === 1 ? "" : "s"}, ${ml.toFixed(1)} ml`,
            ]),
          ),
        ]
      : []),
    ...warnings.map((warning) => `Note: ${warning}\n`),
  ].join("");
  return { text, data: facts };
}

const words: Readonly<Record<string, string>> = {
  R: "right",
  L: "left",
  A: "front",
  P: "back",
  S: "head",
  I: "feet",
};
const directions = (letters: string) => [...letters].map((letter) => words[letter] ?? letter).join(", ");

/** Voxels per value, when the volume can be a label map. */
function labelVolumes(data: Float32Array, voxelMl: number): { value: number; voxels: number; ml: number }[] {
  const counts = new Map<number, number>();
  for (const value of data) {
    if (!(Number.isInteger(value) && value >= 0 && value < mostLabels)) return [];
    counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  return [...counts].sort(([a], [b]) => a - b).map(([value, voxels]) => ({ value, voxels, ml: voxels * voxelMl }));
}
