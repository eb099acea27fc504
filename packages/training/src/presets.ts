/** Ready configurations. `cpu` is sized for two cores and under an hour on some hundred small cases, `demo` for a few minutes. */
import { ConfigError } from "@rfmedsam/base";
import type { TrainingConfiguration } from "./config.js";

export type PresetName = keyof typeof presets;

const augmentation = {
  rotateScale: 0.3,
  maximumAngle: 20,
  scale: [0.8, 1.25],
  noise: 0.1,
  blur: 0.15,
  brightness: 0.15,
  contrast: 0.15,
  lowResolution: 0.15,
  gamma: 0.2,
  mirrorAxes: [],
} satisfies TrainingConfiguration["step0"]["augmentation"];

const cpu = {
  folds: 2,
  validation: 0.12,
  preprocessing: { spacing: "median", normalisation: "auto", cropToNonzero: true, clip: [0.5, 99.5] },
  step0: {
    dimensions: 3,
    patch: "auto",
    patchVoxels: 110_000,
    baseFeatures: 12,
    maximumFeatures: 128,
    maximumStages: 4,
    convsPerStage: 2,
    batch: 2,
    iterations: 1000,
    optimizer: "sgd",
    learningRate: 0.03,
    momentum: 0.95,
    weightDecay: 3e-5,
    gradientClip: 12,
    foreground: 0.33,
    overlap: 0.5,
    mirrorPrediction: false,
    augmentation,
  },
  refiner: {
    enabled: true,
    backbone: "rfmedsam-small",
    weights: null,
    imageSize: 128,
    slices: "adjacent",
    axis: "axial",
    adapters: true,
    trainable: null,
    sequence: 4,
    batch: 2,
    iterations: 1800,
    learningRate: 1e-3,
    warmup: 0.05,
    weightDecay: 0.01,
    gradientClip: 1,
    losses: { focal: 20, dice: 1, iou: 1, presence: 1, merged: 1 },
    degradedTruth: 0.25,
    prompts: { kind: "maskAndBox", minimumArea: 4, marginSlices: 1, boxMargin: 2 },
    memory: { confident: 1 },
  },
  checkpointEvery: 100,
} satisfies TrainingConfiguration;

export const presets = {
  cpu,
  /** Phantoms are coarse and alike: an isotropic grid of 6 mm and a few hundred steps are enough. */
  demo: {
    ...cpu,
    validation: 0.2,
    preprocessing: { ...cpu.preprocessing, spacing: [6, 6, 6], clip: [5, 99.5] },
    step0: {
      ...cpu.step0,
      baseFeatures: 10,
      patchVoxels: 80_000,
      iterations: 340,
      optimizer: "adamw",
      learningRate: 3e-3,
      weightDecay: 0.01,
      foreground: 0.67,
      overlap: 0.75,
    },
    refiner: { ...cpu.refiner, iterations: 280 },
  },
} satisfies Record<string, TrainingConfiguration>;

/** @param source the file or option that names it @throws ConfigError when there is no such preset */
export function presetNamed(name: unknown, source: string): PresetName {
  if (typeof name === "string" && Object.hasOwn(presets, name)) return name as PresetName;
  throw new ConfigError({
    file: source,
    found: `preset ${JSON.stringify(name)}`,
    expected: `one of ${Object.keys(presets).join(", ")}`,
  });
}
