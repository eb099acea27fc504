export {
  type Partially,
  readConfiguration,
  resolveConfiguration,
  type TrainingConfiguration,
  trainingSchema,
} from "./config.js";
export { type LoadedCase, loadCase } from "./dataset/load.js";
export { type CaseFiles, type Dataset, listCases, readDataset } from "./dataset/nnunet.js";
export { type DemoOptions, type DemoResult, runDemo } from "./demo/demo.js";
export type { DemoGoal, Verdict } from "./demo/verdict.js";
export { type Division, divide } from "./folds.js";
export * from "./phantom/index.js";
export { type PresetName, presetNamed, presets } from "./presets.js";
export type { StageDice } from "./refiner/choose.js";
export { type TrainOptions, type TrainResult, train } from "./run/train.js";
export { version, versions } from "./version.js";
