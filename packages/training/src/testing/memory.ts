/** How much memory the process uses, for tests that training holds it. */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/**
 * Resident bytes after a collection, but of JavaScript's heap only what is used: it keeps pages in reserve that hold no tensors. Arrays that
 * were collected are given back by threads of their own, on a busy machine much later: the lowest of several looks counts.
 */
export function memoryInUse(): number {
  let lowest = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 20; look++) {
    collect();
    pause(10);
    const heapPages = getHeapSpaceStatistics().reduce((bytes, space) => bytes + space.physical_space_size, 0);
    const { rss, heapUsed } = process.memoryUsage();
    lowest = Math.min(lowest, rss - heapPages + heapUsed);
  }
  return lowest;
}

/** Waits without letting anything else of this thread run. */
function pause(milliseconds: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, milliseconds);
}
