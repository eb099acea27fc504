/** The garbage collector on demand, for tests that count what is alive. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { liveTensors } from "../scope.js";

setFlagsFromString("--expose-gc");
export const collect = runInNewContext("gc") as () => void;

/** Collects what earlier tests left outside scopes. @returns the number of tensors that remain; only leaks and new ones add to it */
export async function liveAfterCollecting(): Promise<number> {
  for (let round = 0; round < 3; round++) {
    collect();
    // Finalizers run between turns of the event loop.
    await new Promise((done) => setTimeout(done, 1));
  }
  return liveTensors();
}
