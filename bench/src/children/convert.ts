/** `convert IN OUT ORIENTATION`: converts a volume, as it lies where the orientation is empty. Prints {@link Converted}. */
import { peakMemory, residentMemory } from "@rfmedsam/base/node";
import { convertImage } from "@rfmedsam/imaging/node";

export interface Converted {
  readonly seconds: number;
  /** Of the process, without what it took before it began. */
  readonly peakBytes: number;
}

const [input = "", output = "", orientation = ""] = process.argv.slice(2);
const before = residentMemory();
const start = performance.now();
await convertImage(input, output, orientation === "" ? {} : { orientation });
const result: Converted = { seconds: (performance.now() - start) / 1000, peakBytes: peakMemory() - before };
console.log(JSON.stringify(result));
