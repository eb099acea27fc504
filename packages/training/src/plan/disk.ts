/** Room on the disk that a training needs in its output folder: more than its model, most of which goes when the model is finished. */
import { ResourceError } from "@rfmedsam/base";
import { freeSpace, spaceTaken } from "../dataset/room.js";
import { filesOfCases, type PredictionSizes } from "./memory/prediction.js";
import { refinerPhase } from "./memory/refiner.js";
import { inGibibytes, type MemoryEstimate } from "./memory/sheet.js";
import { step0Phase, unetParameters } from "./memory/step0.js";

export interface DiskEstimate {
  readonly parts: readonly { readonly name: string; readonly bytes: number }[];
  /** Bytes, when the disk is fullest: before the work folder goes. */
  readonly total: number;
}

/** Of every training the last state and the one before stay; a third is there while it is written. */
const statesKept = 2;

/** What a saved state holds, by the names of its parts in memory. */
const inState = new Set(["weights", "optimiser", "averaged weights"]);

/** @param memory the estimates of the same run: a state holds what learning holds */
export function estimateDisk(sizes: Omit<PredictionSizes, "device">, memory: readonly MemoryEstimate[]): DiskEstimate {
  const { unet, folds, refiner } = sizes;
  const files = filesOfCases(sizes);
  const stateOf = (wanted: string) =>
    memory
      .filter(({ phase }) => phase === wanted)
      .flatMap(({ parts }) => parts)
      .reduce((sum, { name, bytes }) => sum + (inState.has(name) ? bytes : 0), 0);
  const [unetState, refinerState] = [stateOf(step0Phase), stateOf(refinerPhase)];
  const parts = [
    { name: "prepared cases", bytes: files.cases },
    { name: "predictions of step 0", bytes: files.predictions },
    {
      name: "networks in training",
      bytes: statesKept * (folds * unetState + refinerState) + Math.max(unetState, refinerState),
    },
    { name: "the model", bytes: 4 * (folds * unetParameters(unet.architecture) + (refiner?.parameters ?? 0)) },
  ].filter(({ bytes }) => bytes > 0);
  return { parts, total: parts.reduce((sum, { bytes }) => sum + bytes, 0) };
}

/**
 * Refuses a training whose files have no room, before anything is trained.
 *
 * @param folder the output folder, which need not exist yet
 * @param replaced a folder of an earlier run that is removed before this one writes: its room counts as free
 * @throws ResourceError
 */
export async function assertDiskFits({ parts, total }: DiskEstimate, folder: string, replaced?: string): Promise<void> {
  const free = (await freeSpace(folder)) + (replaced === undefined ? 0 : await spaceTaken(replaced));
  if (total <= free) return;
  const largest = [...parts].sort((a, b) => b.bytes - a.bytes).slice(0, 2);
  throw new ResourceError({
    file: folder,
    found: `${inGibibytes(free)} free on its disk`,
    expected: `about ${inGibibytes(total)} while training (${largest.map(({ name, bytes }) => `${name}: ${inGibibytes(bytes)}`).join(", ")})`,
    hint: "free some space, choose an output folder on another disk, or a coarser preprocessing.spacing (`rfmedsam plan` shows what takes how much)",
  });
}

export function sentenceAboutDisk({ total }: DiskEstimate): string {
  return `Its files will take about ${inGibibytes(total)} of the output folder's disk.`;
}
