/** Label maps on disk, compared. */
export {
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRow,
  evaluateFolders,
  scoresOf,
} from "./evaluate-folders.js";
export { type LabelNames, labelFileBeside, readLabelNames } from "./label-names.js";
export { findPairs, type Pair, type PairOptions, type Pairs } from "./pairs.js";
export {
  type EvaluationFacts,
  type EvaluationTables,
  evaluationTables,
  summaryOf,
  writeEvaluation,
} from "./write-evaluation.js";
