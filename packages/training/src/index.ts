export {
  type ClassChoice,
  chooseOutputs,
  type ModelChoices,
  type ValidationDice,
  validationDice,
} from "./choice/choose.js";
export { degradedStep0 } from "./choice/degraded-step0.js";
export type { GateEffect, LearnedGate } from "./choice/gate-learning.js";
export {
  type MeasureCaseOptions,
  type MeasuredCase,
  type MeasuredClass,
  measureCase,
  type StageDice,
} from "./choice/measure.js";
export { refinerSettings } from "./choice/settings.js";
export {
  type Partially,
  readConfiguration,
  resolveConfiguration,
  type TrainingConfiguration,
  trainingSchema,
} from "./config.js";
export { describeConfiguration } from "./config-text.js";
export { type CheckOptions, type CheckReport, checkDataset, type Finding } from "./dataset/check/check.js";
export type { Rule, Severity } from "./dataset/check/rule.js";
export { type ConvertDatasetOptions, type ConvertedDataset, convertDataset } from "./dataset/convert/convert.js";
export type { DatasetKind } from "./dataset/convert/kind.js";
export { type DatasetKindName, datasetKinds } from "./dataset/convert/kinds.js";
export { type LoadedCase, loadCase } from "./dataset/load.js";
export { type CaseFiles, type Dataset, listCases, readDataset } from "./dataset/nnunet.js";
export { type DemoOptions, type DemoResult, runDemo } from "./demo/demo.js";
export type { DemoGoal, Verdict } from "./demo/verdict.js";
export { casesToLearn, casesToMeasure, type Division, divide, type LearnedCases } from "./folds.js";
export { sayHowToGoOn } from "./go-on.js";
export type { Curve, RecordStep, StepRecord } from "./loop/loop.js";
export * from "./phantom/index.js";
export { type DatasetPlan, type MeasureOptions, planDataset } from "./plan/dataset-plan.js";
export type { DiskEstimate } from "./plan/disk.js";
export type { Fingerprint } from "./plan/fingerprint.js";
export { budgetOf, overBudget, remedyFor } from "./plan/memory/fits.js";
export type { MemoryEstimate, MemoryPart } from "./plan/memory/sheet.js";
export type { Plan } from "./plan/plan.js";
export { defaultPreset, type PresetName, presetNamed, presets } from "./presets.js";
export { describeRecipe, type Need, needsOf } from "./recipe/needs.js";
export { type Recipe, readRecipe, recipeNames } from "./recipe/recipe.js";
export { type RecipeResult, type RunRecipeOptions, runRecipe } from "./recipe/run.js";
export { type RunFacts, validationRows } from "./record/facts.js";
export { type RecorderOptions, RunRecorder } from "./record/recorder.js";
export { logFolder, renderRunReport } from "./record/run-report.js";
export { selectCases } from "./run/prepare.js";
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
export * from "./studies/index.js";
export { version, versions } from "./version.js";
