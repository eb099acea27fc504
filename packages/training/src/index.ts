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
export {
  discAround,
  filledBox,
  inscribedEllipse,
  meanRadius,
} from "./sam-med2d/baselines.js";
export {
  bestCandidates,
  type ClickedRound,
  type ClickOccasion,
  clickRounds,
  type DrawClicks,
  simulatedClicks,
} from "./sam-med2d/iterative-prompts.js";
export {
  focalDiceIouLoss,
  focalDiceIouTerms,
  type PromptedLossTerms,
  type PromptedLossWeights,
  type PromptedMasks,
  samMed2dLossWeights,
} from "./sam-med2d/losses.js";
export {
  type BinaryMask,
  checkMask,
  componentBoxes,
  correctivePoints,
  type DrawnPoints,
  initialPoints,
  type JitterOptions,
  jitterBoxes,
  pointLabels,
} from "./sam-med2d/prompt-simulation.js";
export { meanScores, type PromptedScores, promptedScores } from "./sam-med2d/scores.js";
export { version, versions } from "./version.js";
