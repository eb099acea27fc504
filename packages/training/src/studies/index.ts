/** Studies: experiments that end in one table. */
export { type AblationOptions, runAblation } from "./ablation/run.js";
export type { StudyResult } from "./common/report.js";
export { type DegradationName, degradationNames } from "./stress/degradations.js";
export { runStress, type StressOptions } from "./stress/run.js";
export { type TruePrompt, truePromptNames } from "./upper-bound/prompts.js";
export { runUpperBound, type UpperBoundOptions } from "./upper-bound/run.js";
export {
  type DirectionName,
  directionNames,
  type StrategyName,
  strategyNames,
} from "./upper-bound/strategies.js";
