/** Cases that are measured at the end are read once before the beginning: a damaged one is told then, not after days of training. */
import { type CancelSignal, type Progress, throwIfCancelled } from "@rfmedsam/base";
import { loadCase } from "./load.js";
import type { CaseFiles, Dataset } from "./nnunet.js";

/** @throws as `loadCase`; InterruptedError between two cases */
export async function assertReadable(
  cases: readonly CaseFiles[],
  labels: Dataset["labels"],
  { progress, signal }: { readonly progress: Progress; readonly signal?: CancelSignal | undefined },
): Promise<void> {
  const stage = "reading the cases to measure";
  for (const [done, files] of cases.entries()) {
    throwIfCancelled(signal);
    progress({ stage, done, total: cases.length });
    await loadCase(files, labels);
  }
  progress({ stage, done: cases.length, total: cases.length });
}
