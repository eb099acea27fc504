/** Ready configurations. `cpu` is sized for two cores and about an hour on some hundred small cases, `demo` for a few minutes. */
import { ConfigError } from "@rfmedsam/base";
import { defaultAdapterPlacements } from "@rfmedsam/models";
import type { TrainingConfiguration } from "./config.js";

export type PresetName = keyof typeof presets;

export const defaultPreset: PresetName = "cpu";

const augmentation = {
  rotate: 0.3,
  maximumAngle: 20,
  scaling: 0.3,
  scale: [0.8, 1.25],
  noise: 0.1,
  blur: 0.15,
  brightness: 0.15,
  contrast: 0.15,
  lowResolution: 0.15,
  gamma: 0.2,
  invertedGamma: 0.02,
  mirrorAxes: [],
} satisfies TrainingConfiguration["step0"]["augmentation"];

/** nnU-Net v2's (`nnUNetTrainer.get_training_transforms`). */
const nnunetAugmentation = {
  rotate: 0.2,
  maximumAngle: "auto",
  scaling: 0.2,
  scale: [0.7, 1.4],
  noise: 0.1,
  blur: 0.2,
  brightness: 0.15,
  contrast: 0.15,
  lowResolution: 0.25,
  gamma: 0.3,
  invertedGamma: 0.1,
  mirrorAxes: [0, 1, 2],
} satisfies TrainingConfiguration["step0"]["augmentation"];

const cpu = {
  folds: 2,
  validation: 0.12,
  prompting: "outOfFold",
  precision: "float32",
  memory: "auto",
  preprocessing: { spacing: "median", normalisation: "auto", cropToNonzero: true, clip: [0.5, 99.5] },
  step0: {
    dimensions: 3,
    patch: "auto",
    patchVoxels: 110_000,
    baseFeatures: 16,
    maximumFeatures: 128,
    maximumStages: 4,
    convsPerStage: 2,
    batch: 2,
    prior: "frequency",
    iterations: 1000,
    optimizer: "sgd",
    learningRate: 0.03,
    momentum: 0.95,
    weightDecay: 3e-5,
    gradientClip: 12,
    batchDice: true,
    foreground: 0.33,
    overlap: 0.5,
    mirrorPrediction: false,
    averaging: 0,
    augmentation,
  },
  refiner: {
    enabled: true,
    backbone: "rfmedsam-small",
    weights: null,
    imageSize: 256,
    slices: "adjacent",
    channel: 0,
    axis: "axial",
    generator: "unet",
    adapters: { placements: [...defaultAdapterPlacements], ratio: 0.25, rate: 1 },
    groups: [{ pattern: "", rate: 1 }],
    calibration: "class",
    sequence: 3,
    batch: 1,
    iterations: 1800,
    seedOffset: 0,
    learningRate: 1e-3,
    warmup: 0.05,
    weightDecay: 0.01,
    gradientClip: 1,
    averaging: 0,
    checkpointing: false,
    losses: { focal: 20, dice: 1, iou: 1, presence: 1, merged: 1 },
    promptSources: { outOfFold: 0.4, degradedTruth: 0.2, degradedPrediction: 0.2, mask: 0.1, box: 0.05, clicks: 0.05 },
    boxJitter: { deviation: 0.1, limit: 5 },
    noise: { share: 0.25, deviation: 0.3 },
    prompts: {
      kind: "maskAndBox",
      minimumArea: 4,
      marginSlices: 1,
      bridgeSlices: 3,
      boxMargin: 2,
      perComponent: false,
    },
    memory: { confident: 1, neighbours: 6 },
    unprompted: 0.15,
  },
  choice: { stages: true, gate: true, largestComponent: true },
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
      iterations: 300,
      optimizer: "adamw",
      learningRate: 3e-3,
      weightDecay: 0.01,
      foreground: 0.67,
    },
    refiner: { ...cpu.refiner, imageSize: 128, sequence: 4, batch: 2, iterations: 240 },
  },
  /**
   * nnU-Net's training of step 0 (1000 epochs of 250 steps, 5 folds), and official SAM 2.1 weights at 1024 pixels of which adapters, mask
   * decoder and memory attention learn. Needs `refiner.weights` and a graphics card: estimated 11 GiB for 3 classes, 51 for 14 and 58 for
   * 16 (if all are on every slice); half of that with `refiner.sequence` 2.
   */
  gpu: {
    ...cpu,
    folds: 5,
    validation: 0.2,
    precision: "bfloat16",
    step0: {
      ...cpu.step0,
      patchVoxels: 128 ** 3,
      batch: "auto",
      baseFeatures: 32,
      maximumFeatures: "auto",
      maximumStages: "auto",
      prior: "uniform",
      iterations: 250_000,
      learningRate: 0.01,
      momentum: 0.99,
      mirrorPrediction: true,
      batchDice: "auto",
      augmentation: nnunetAugmentation,
    },
    refiner: {
      ...cpu.refiner,
      backbone: "sam2.1_hiera_b+",
      imageSize: 1024,
      // RFMedSAM 2 says that adapters learn, as they always do; decoder and memory attention are ours.
      groups: [
        { pattern: "^sam_mask_decoder\\.", rate: 1 },
        { pattern: "^memory_attention\\.", rate: 1 },
      ],
      // Pixels, of pictures four times as large.
      boxJitter: { deviation: 0.1, limit: 20 },
      prompts: { ...cpu.refiner.prompts, boxMargin: 8 },
      sequence: 4,
      iterations: 30_000,
      learningRate: 1e-4,
      averaging: 0.999,
      checkpointing: true,
    },
    checkpointEvery: 1000,
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
