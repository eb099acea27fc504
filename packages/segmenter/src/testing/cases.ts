/** Small cases and manifests for tests. */
import { fc } from "@fast-check/vitest";
import {
  type Affine,
  orientations,
  reorient,
  scalingAffine,
  type Triple,
  type Volume,
  voxelCount,
} from "@rfmedsam/imaging";
import { formatVersion } from "../manifest.js";
import { type PreparedCase, prepareCase, preprocessingSchema } from "../preprocessing.js";

/** A volume whose voxels are `value(z, y, x)`. */
export function volumeOf(
  shape: Triple,
  value: (z: number, y: number, x: number) => number,
  spacing: Triple = [1, 1, 1],
): Volume<Float32Array> {
  const data = new Float32Array(voxelCount(shape));
  let at = 0;
  for (let z = 0; z < shape[0]; z++) {
    for (let y = 0; y < shape[1]; y++) for (let x = 0; x < shape[2]; x++) data[at++] = value(z, y, x);
  }
  return { data, shape, affine: scalingAffine(spacing, [5, -7, 11]) };
}

export function asLabels({ data, shape, affine }: Volume): Volume<Uint8Array> {
  return { data: Uint8Array.from(data as Float32Array), shape, affine };
}

const size = fc.integer({ min: 2, max: 7 });
const millimetres = fc.double({ min: 0.5, max: 4, noNaN: true });

/** Label volumes (0 … 4) of any orientation, slightly oblique or not. */
export function labelVolumes(): fc.Arbitrary<Volume<Uint8Array>> {
  return fc
    .record({
      shape: fc.tuple(size, size, size),
      spacing: fc.tuple(millimetres, millimetres, millimetres),
      letters: fc.constantFrom(...orientations),
      angle: fc.double({ min: -0.7, max: 0.7, noNaN: true }),
      seed: fc.integer({ min: 1, max: 1e6 }),
    })
    .map(({ shape, spacing, letters, angle, seed }) => {
      const labels = Uint8Array.from({ length: voxelCount(shape) }, (_, n) => ((n * 7919 + seed) % 31) % 5);
      const plain = reorient({ data: labels, shape, affine: scalingAffine(spacing) }, letters);
      return { ...plain, affine: turned(plain.affine, angle) };
    });
}

/** An affine turned about the patient's long axis by `angle` (radians). */
function turned(affine: Affine, angle: number): Affine {
  const [c, s] = [Math.cos(angle), Math.sin(angle)];
  const out = [...affine];
  for (let column = 0; column < 4; column++) {
    const [x, y] = [affine[column]!, affine[4 + column]!];
    out[column] = c * x - s * y;
    out[4 + column] = s * x + c * y;
  }
  return out;
}

/** A recipe that changes nothing but what is asked: values stay (mean 0, deviation 1). */
export function plainRecipe(overrides: Record<string, unknown> = {}) {
  return preprocessingSchema.parse({
    cropToNonzero: false,
    normalisation: [{ kind: "ct", mean: 0, std: 1, low: -1e6, high: 1e6 }],
    window: { kind: "fixed", low: 0, high: 1 },
    ...overrides,
  });
}

export function preparedCase(volume: Volume, overrides: Record<string, unknown> = {}): PreparedCase {
  return prepareCase([volume], plainRecipe(overrides));
}

/** The content of a `model.json` of two organs, as an object to change. */
export function manifestJson() {
  return {
    formatVersion,
    rfmedsam: "0.1.0",
    labels: { background: 0, liver: 2, spleen: 5 } as Record<string, number>,
    channelNames: ["CT"],
    preprocessing: {
      orientation: "RAS",
      spacing: null as Triple | null,
      cropToNonzero: false,
      normalisation: [{ kind: "ct", mean: 0, std: 1, low: -1000, high: 1000 }],
      window: { kind: "fixed", low: 0, high: 2 },
    } as Record<string, unknown>,
    step0: {
      kind: "unet",
      architecture: { features: [8, 16] },
      patch: [4, 8, 8],
      folds: ["fold-0.safetensors"],
      mirrorAxes: [] as number[],
      overlap: 0.5,
    } as Record<string, unknown>,
    refiner: {
      architecture: { backbone: "tiny" },
      weights: "refiner.safetensors",
      slices: "adjacent",
      axis: "axial",
      prompt: { kind: "maskAndBox", minimumArea: 1, marginSlices: 0, boxMargin: 0 },
      memory: { confident: 1, neighbours: 6 },
      calibration: { stage1: { kind: "none" }, stage2: { kind: "class", scale: [1, 1], bias: [0, 0] } },
    } as Record<string, unknown> | undefined,
    outputStages: { liver: "stage2", spleen: "step0" } as Record<string, string>,
    gate: {} as Record<string, Record<string, unknown>>,
    largestComponent: [] as string[],
    training: { dataset: "test", seed: 1, revision: "none", versions: {}, configuration: {}, validation: [] },
  };
}
