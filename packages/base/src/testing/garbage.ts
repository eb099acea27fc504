/** The garbage collector on demand, for tests that count what is alive: what earlier tests left would be collected while they count. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Collects what nobody holds any more, and lets its finalizers run. */
export async function collectGarbage(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    collect();
    // Finalizers run between turns of the event loop.
    await new Promise((done) => setTimeout(done, 1));
  }
}
