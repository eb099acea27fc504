export {
  type Partially,
  readConfiguration,
  resolveConfiguration,
  type TrainingConfiguration,
  trainingSchema,
} from "./config.js";
export { type LoadedCase, loadCase, loadChannels } from "./dataset/load.js";
export { type CaseFiles, type Dataset, listCases, readDataset } from "./dataset/nnunet.js";
export { type Division, divide } from "./folds.js";
export * from "./phantom/index.js";
export { type PresetName, presets } from "./presets.js";
export type { StageDice } from "./refiner/choose.js";
export { type TrainOptions, type TrainResult, train } from "./run/train.js";
export { version, versions } from "./version.js";
