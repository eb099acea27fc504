/** Small cases and configurations for tests: blobs of known place, nothing from files. */
import type { Triple } from "@rfmedsam/imaging";
import { voxelCount } from "@rfmedsam/imaging";
import { setNumThreads, tensor } from "@rfmedsam/torch";
import { type Partially, resolveConfiguration, type TrainingConfiguration } from "../config.js";
import type { StoredCase } from "../dataset/store.js";

setNumThreads(1); // test files run side by side

export interface CaseContent {
  readonly id?: string;
  readonly shape: Triple;
  readonly spacing?: Triple;
  readonly channels?: number;
  /** With the background. */
  readonly classes?: number;
  readonly truth?: (z: number, y: number, x: number) => number;
  readonly value?: (channel: number, z: number, y: number, x: number, label: number) => number;
}

/** Calls `visit` for every voxel in memory order. */
export function eachVoxel(
  [depth, height, width]: Triple,
  visit: (z: number, y: number, x: number, at: number) => void,
): void {
  let at = 0;
  for (let z = 0; z < depth; z++) for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) visit(z, y, x, at++);
}

/** A prepared case in memory; by default its image is its labels, as numbers. */
export function storedCase(content: CaseContent): StoredCase {
  const { id = "case", shape, spacing = [1, 1, 1], channels = 1, classes = 3 } = content;
  const { truth: label = ball(shape, 1), value = (_c, _z, _y, _x, own) => own } = content;
  const truth = new Uint8Array(voxelCount(shape));
  eachVoxel(shape, (z, y, x, at) => {
    truth[at] = label(z, y, x);
  });
  const data = new Float32Array(channels * truth.length);
  for (let c = 0; c < channels; c++) {
    eachVoxel(shape, (z, y, x, at) => {
      data[c * truth.length + at] = value(c, z, y, x, truth[at]!);
    });
  }
  return {
    id,
    data,
    channels,
    shape,
    spacing,
    windows: Array.from({ length: channels }, () => ({ low: -1, high: classes })),
    truth,
    image: tensor(data, [channels, ...shape]).keep(),
    labels: tensor(truth, shape).keep(),
    locations: Array.from({ length: classes - 1 }, (_, i) =>
      Int32Array.from([...truth.keys()].filter((at) => truth[at] === i + 1)),
    ),
    voxels: Array.from({ length: classes }, (_, label) => truth.filter((each) => each === label).length),
  };
}

/** The class with the largest logit of each voxel. @param logits `[K, voxels]` */
export function mostLikely(logits: Float32Array, classes: number): Uint8Array {
  const voxels = logits.length / classes;
  return Uint8Array.from({ length: voxels }, (_, i) => {
    const scores = Array.from({ length: classes }, (_, k) => logits[k * voxels + i]!);
    return scores.indexOf(Math.max(...scores));
  });
}

/** A ball of one label in the middle of a volume; `radius` and the centre as parts of the shape. */
export function ball(
  shape: Triple,
  label: number,
  radius = 0.35,
  centre: Triple = [0.5, 0.5, 0.5],
): (z: number, y: number, x: number) => number {
  return (...at) => {
    const distance = Math.hypot(...at.map((v, axis) => (v + 0.5) / shape[axis]! - centre[axis]!));
    return distance < radius ? label : 0;
  };
}

/** The first rule that says something. */
export function painted(
  ...rules: readonly ((z: number, y: number, x: number) => number)[]
): (z: number, y: number, x: number) => number {
  return (z, y, x) => rules.reduce((label, rule) => (label === 0 ? rule(z, y, x) : label), 0);
}

/** Logits `[K, z, y, x]` of a predictor that is `certain` of `label` everywhere. */
export function logitsOf(
  shape: Triple,
  classes: number,
  label: (z: number, y: number, x: number) => number,
  certain: number | ((z: number, y: number, x: number) => number) = 4,
): Float32Array {
  const voxels = voxelCount(shape);
  const out = new Float32Array(classes * voxels);
  eachVoxel(shape, (z, y, x, at) => {
    out[label(z, y, x) * voxels + at] = typeof certain === "number" ? certain : certain(z, y, x);
  });
  return out;
}

/** A configuration that trains in seconds: tiny networks, few steps. */
export function tinyConfiguration(changes: Partially<TrainingConfiguration> = {}): TrainingConfiguration {
  const { step0, refiner, ...others } = changes;
  return resolveConfiguration("cpu", {
    checkpointEvery: 2,
    ...others,
    step0: { patchVoxels: 2500, baseFeatures: 4, maximumFeatures: 8, maximumStages: 2, iterations: 4, ...step0 },
    refiner: { imageSize: 32, sequence: 2, batch: 1, iterations: 3, warmup: 0, ...refiner },
  });
}
