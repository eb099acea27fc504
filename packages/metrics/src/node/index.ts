/** Label maps on disk, compared. */
export {
  type EvaluateOptions,
  type Evaluation,
  type EvaluationRow,
  evaluateFolders,
  scoresOf,
} from "./evaluate-folders.js";
export { type EvaluationTables, evaluationTables, summaryOf } from "./evaluation-tables.js";
export { type LabelNames, labelFileBeside, readLabelNames, withoutIgnored } from "./label-names.js";
export { findPairs, type Pair, type PairOptions, type Pairs } from "./pairs.js";
export { joinEvaluations, readEvaluation } from "./read-evaluation.js";
export {
  assertKnown,
  type CaseFilter,
  casesOfFold,
  type Fold,
  publishedSplits,
  readSplits,
  splitsFile,
} from "./splits.js";
export type { WorstCasesOptions } from "./worst-cases.js";
export { comparisonToJson, type EvaluationFacts, writeEvaluation } from "./write-evaluation.js";
