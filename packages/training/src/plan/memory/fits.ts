/** Whether a training fits: told before anything starts, not when step 0 is done after days. */
import { ResourceError } from "@rfmedsam/base";
import { refinerPhase } from "./refiner.js";
import { gibibyte, type MemoryEstimate } from "./sheet.js";
import { step0Phase } from "./step0.js";

const inGibibytes = (bytes: number) => `${(bytes / gibibyte).toFixed(1)} GiB`;

/** What the person can do about a phase that does not fit. */
export function remedyFor(phase: string): string {
  if (phase === refinerPhase) {
    return "set refiner.checkpointing=true, or lower refiner.batch, refiner.sequence or refiner.imageSize";
  }
  if (phase === step0Phase) return "let step0.patch be auto, or lower step0.baseFeatures";
  return "choose a coarser preprocessing.spacing";
}

/**
 * Refuses what the networks' training does not have room for; preparing and predicting cases are only told of (`sentenceAbout`).
 *
 * @throws ResourceError
 */
export function assertTrainingFits(memory: readonly MemoryEstimate[], budget: number): void {
  const over = memory.find(({ phase, total }) => (phase === step0Phase || phase === refinerPhase) && total > budget);
  if (over === undefined) return;
  const assumption = over.phase === refinerPhase ? " The estimate has every class on every slice:" : "";
  throw new ResourceError({
    found: `${over.phase} would take about ${inGibibytes(over.total)}`,
    expected: `at most the ${inGibibytes(budget)} that training may take here`,
    hint: `${remedyFor(over.phase)} (\`rfmedsam plan\` shows what takes how much).${assumption} to try it all the same, set memory to more GiB than that`,
  });
}

export function sentenceAbout(memory: readonly MemoryEstimate[], budget: number): string {
  const { phase, total } = memory.reduce((most, one) => (one.total > most.total ? one : most));
  const warning = total > budget ? `, more than there is to spend: ${remedyFor(phase)}` : "";
  return `At its fullest (${phase}) this training will take about ${inGibibytes(total)} of the ${inGibibytes(budget)} it may${warning}.`;
}
