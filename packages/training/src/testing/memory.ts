/** How much memory the process uses, for tests that training holds it. */
import { getHeapSpaceStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** Resident bytes after a collection, but of JavaScript's heap only what is used: it keeps pages in reserve that hold no tensors. */
export function memoryInUse(): number {
  collect();
  const heapPages = getHeapSpaceStatistics().reduce((bytes, space) => bytes + space.physical_space_size, 0);
  const { rss, heapUsed } = process.memoryUsage();
  return rss - heapPages + heapUsed;
}
