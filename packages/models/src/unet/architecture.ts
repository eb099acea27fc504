/** What a U-Net is made of, as data: written into model folders and read back. */
import { ConfigError } from "@rfmedsam/base";

/** All lists have one entry a stage, largest resolution first; extents are in array order `[D, H, W]` or `[H, W]`. */
export interface UNetArchitecture {
  readonly inputChannels: number;
  /** Including the background. */
  readonly classes: number;
  readonly features: readonly number[];
  readonly kernels: readonly (readonly number[])[];
  /** The first is all ones. */
  readonly strides: readonly (readonly number[])[];
  readonly convsPerStage: number;
}

/** @throws ConfigError unless there is something to go down to and up from: logits come from the way up */
export function assertTwoStages({ features }: Pick<UNetArchitecture, "features">, file?: string): void {
  if (features.length >= 2) return;
  throw new ConfigError({
    file,
    found: `a U-Net of ${features.length} stage${features.length === 1 ? "" : "s"}`,
    expected: "at least 2",
    hint: "patches of less than 8 voxels along every axis cannot be halved; choose larger ones, or a finer spacing",
  });
}

/** Extents must be divisible by this, dimension by dimension. */
export function totalStride({ strides }: UNetArchitecture): number[] {
  return strides.reduce<number[]>((product, stride) => stride.map((s, i) => s * (product[i] ?? 1)), []);
}

/** 2 or 3. */
export function dimensionsOf({ strides }: UNetArchitecture): 2 | 3 {
  return strides[0]?.length === 2 ? 2 : 3;
}

/** @throws ConfigError when the record, read from a model folder, is no U-Net */
export function parseUNetArchitecture(record: Readonly<Record<string, unknown>>, file: string): UNetArchitecture {
  const { inputChannels, classes, features, kernels, strides, convsPerStage } = record as unknown as UNetArchitecture;
  const count = (n: unknown) => Number.isInteger(n) && (n as number) > 0;
  const counts = (list: unknown): list is number[] => Array.isArray(list) && list.length > 0 && list.every(count);
  const dimensions = Array.isArray(strides) && Array.isArray(strides[0]) ? strides[0].length : 0;
  const extents = (list: unknown) =>
    Array.isArray(list) && list.length === features.length && list.every((e) => counts(e) && e.length === dimensions);
  if (
    !count(inputChannels) ||
    !count(classes) ||
    !count(convsPerStage) ||
    !counts(features) ||
    (dimensions !== 2 && dimensions !== 3) ||
    !extents(kernels) ||
    !extents(strides)
  ) {
    throw new ConfigError({
      file,
      found: `the U-Net is described as ${JSON.stringify(record)}`,
      expected:
        "inputChannels, classes, convsPerStage, and as many features as kernels and strides, all in two or all in three dimensions",
      hint: "the model folder was changed or damaged; train or copy it again",
    });
  }
  assertTwoStages({ features }, file);
  return { inputChannels, classes, features, kernels, strides, convsPerStage };
}
