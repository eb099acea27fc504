/**
 * A process of its own for a test: loads a checkpoint, uses every weight, and prints how much more memory the process had at most,
 * and what the weights take.
 */

import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { readCheckpoint } from "../checkpoint/checkpoint.js";
import { setNumThreads } from "../runtime.js";
import { scope } from "../scope.js";

const [file = ""] = process.argv.slice(2);
setNumThreads(1);

resetPeakMemory();
const held = residentMemory();
const state = await readCheckpoint(file);
let [sum, bytes] = [0, 0];
for (const weight of state.values()) {
  sum += scope(() => weight.sum().item());
  bytes += weight.byteSize;
}
process.stdout.write(JSON.stringify({ more: peakMemory() - held, bytes, sum }));
