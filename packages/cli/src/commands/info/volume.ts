/** A volume: what it is, where it lies and what its voxels are like. */
import { ConfigError } from "@rfmedsam/base";
import {
  channelCount,
  formatShape,
  formatSpacing,
  type ImageFile,
  orientationOf,
  originOf,
  previewStrip,
  scalarNameOf,
  spacingOf,
  splitNiftiChannels,
  summariseValues,
  type ValueSummary,
  voxelCount,
  type Window,
} from "@rfmedsam/imaging";
import { readImage, readNiftiFile, writePng } from "@rfmedsam/imaging/node";
import { formatNumber } from "../../ui/format.js";
import { type Description, listing } from "./description.js";

export interface VolumeOptions {
  /** Where a picture of some slices goes. */
  readonly preview?: string;
  readonly window?: Window;
  readonly series?: string;
}

const formatWords: Readonly<Record<ImageFile["format"], string>> = {
  nifti: "NIfTI",
  nrrd: "NRRD",
  metaimage: "MetaImage",
  dicom: "DICOM",
  png: "PNG",
  jpeg: "JPEG",
  tiff: "TIFF",
};

export async function describeVolume(path: string, options: VolumeOptions = {}): Promise<Description> {
  const { preview, window, series } = options;
  if (window !== undefined && preview === undefined) {
    throw new ConfigError({ found: "--window without --preview", hint: "add --preview strip.png" });
  }
  const { volume, format, warnings, description = {}, channels } = await readFirstChannel(path, series);
  const spacing = spacingOf(volume);
  const values = summariseValues(volume.data);
  const { min, max, mean, std, notFinite, percentiles, counts } = values;
  const voxelMl = (spacing[0] * spacing[1] * spacing[2]) / 1000;
  const facts = {
    kind: "volume",
    format,
    type: scalarNameOf(volume.data),
    channels,
    shape: volume.shape,
    spacing,
    orientation: orientationOf(volume),
    origin: originOf(volume),
    affine: volume.affine,
    notFinite,
    statistics: { min, max, mean, std, percentiles },
    labels: (counts ?? []).map(([value, voxels]) => ({ value, voxels, ml: voxels * voxelMl })),
    description,
    warnings,
    ...(preview !== undefined && { preview }),
  };
  if (preview !== undefined) await writePng(preview, previewStrip(volume, { window }));
  return { text: textOf(facts, values), data: facts };
}

/** The image; of a NIfTI file with several channels the first. */
async function readFirstChannel(path: string, series?: string): Promise<ImageFile & { channels: number }> {
  try {
    return { ...(await readImage(path, { series })), channels: 1 };
  } catch (error) {
    const image = await readNiftiFile(path).catch(() => undefined);
    const channels = image === undefined ? 1 : channelCount(image.header);
    if (image === undefined || channels === 1) throw error;
    const description = { version: `NIfTI-${image.header.version}`, stored: image.header.datatype.name };
    const [volume] = splitNiftiChannels(image);
    return { volume: volume!, format: "nifti", warnings: image.warnings, description, channels };
  }
}

type Facts = Pick<ImageFile, "format" | "warnings"> & {
  readonly description: NonNullable<ImageFile["description"]>;
  readonly type: string;
  readonly channels: number;
  readonly shape: ImageFile["volume"]["shape"];
  readonly spacing: readonly number[];
  readonly orientation: string;
  readonly origin: readonly number[];
  readonly labels: readonly { readonly value: number; readonly voxels: number; readonly ml: number }[];
  readonly preview?: string;
};

function textOf(facts: Facts, values: ValueSummary): string {
  const { shape, spacing, channels, orientation, description, labels } = facts;
  const round = (numbers: readonly number[]) => numbers.map((value) => String(Number(value.toFixed(3)))).join(", ");
  const percentiles = values.percentiles.map(({ percent, value }) => `${percent} %: ${formatNumber(value)}`);
  const intensities: readonly (readonly [string, string])[] =
    percentiles.length === 0
      ? []
      : [
          ["range", `${formatNumber(values.min)} to ${formatNumber(values.max)}`],
          ["mean ± sd", `${formatNumber(values.mean)} ± ${formatNumber(values.std)}`],
          ["percentiles", percentiles.join(", ")],
        ];
  return [
    listing([
      ["format", [formatWords[facts.format], facts.type].join(", ")],
      [
        "shape",
        `${formatShape(shape)} (z×y×x), ${voxelCount(shape)} voxels${channels > 1 ? `, ${channels} channels` : ""}`,
      ],
      ["spacing", formatSpacing(spacing)],
      ["extent", `${shape.map((count, axis) => (count * spacing[axis]!).toFixed(0)).join("×")} mm`],
      ["orientation", `${orientation} (i, j, k grow towards ${directions(orientation)})`],
      ["first voxel", `${round(facts.origin)} mm (x, y, z in RAS+)`],
      ...intensities,
      ...(values.notFinite > 0 ? ([["not finite", `${values.notFinite} voxels`]] as const) : []),
      ...Object.entries(description).map(([name, value]) => [spaced(name), value] as const),
      ...(facts.preview === undefined ? [] : ([["preview", facts.preview]] as const)),
    ]),
    ...(labels.length === 0 ? [] : ["\nAs labels:\n", listing(labels.map(labelRow))]),
    ...facts.warnings.map((warning) => `Note: ${warning}\n`),
  ].join("");
}

function labelRow({ value, voxels, ml }: Facts["labels"][number]): readonly [string, string] {
  return [`  ${value}`, `${voxels} voxel${voxels === 1 ? "" : "s"}, ${ml.toFixed(1)} ml`];
}

/** `affineFrom` → `affine from`. */
function spaced(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
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
