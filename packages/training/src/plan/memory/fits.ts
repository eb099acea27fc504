/** Whether a training fits: told before anything starts, not when step 0 is done after days. */
import { ResourceError } from "@rfmedsam/base";
import { predictionOnDevicePhase } from "./prediction.js";
import { refinerPhase } from "./refiner.js";
import { inGibibytes, type MemoryEstimate } from "./sheet.js";
import { step0Phase } from "./step0.js";

/** What the person can do about a phase that does not fit. */
export function remedyFor(phase: string): string {
  if (phase === refinerPhase) {
    return "set refiner.checkpointing=true, or lower refiner.batch, refiner.sequence or refiner.imageSize";
  }
  if (phase === step0Phase) return "let step0.patch be auto, or lower step0.baseFeatures";
  if (phase === predictionOnDevicePhase) return "lower refiner.imageSize or step0.patchVoxels";
  return "choose a coarser preprocessing.spacing";
}

/** Bytes that may be taken: of the device's memory, and of the computer's, which on the CPU is the same. */
export interface Budgets {
  readonly budget: number;
  readonly hostBudget: number;
}

/** What an estimate is held against. */
export function budgetOf({ place }: MemoryEstimate, { budget, hostBudget }: Budgets): number {
  return place === "host" ? hostBudget : budget;
}

/** The phases that do not fit. */
export function overBudget(memory: readonly MemoryEstimate[], budgets: Budgets): MemoryEstimate[] {
  return memory.filter((estimate) => estimate.total > budgetOf(estimate, budgets));
}

/**
 * Refuses what the networks' training does not have room for; preparing and predicting cases are only told of (`sentenceAbout`).
 *
 * @param budget of the device
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

/**
 * What the fullest phase takes; beside a GPU, of its memory and of the computer's.
 *
 * @param hostBudget bytes of the computer's memory, where the device is a GPU
 */
export function sentenceAbout(memory: readonly MemoryEstimate[], budget: number, hostBudget = budget): string {
  const places = (["device", "host"] as const).flatMap((place) => {
    const there = memory.filter((estimate) => estimate.place === place);
    return there.length === 0 ? [] : [there.reduce((most, one) => (one.total > most.total ? one : most))];
  });
  const told = places.map((fullest) => {
    const { phase, place, total } = fullest;
    const limit = budgetOf(fullest, { budget, hostBudget });
    const where = places.length === 1 ? "" : place === "device" ? " of the GPU" : " of the computer's memory";
    const warning = total > limit ? `, more than there is to spend: ${remedyFor(phase)}` : "";
    return `${inGibibytes(total)} of the ${inGibibytes(limit)} it may${where} (${phase})${warning}`;
  });
  return `At its fullest this training will take about ${told.join("; ")}.`;
}
