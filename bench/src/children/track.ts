/** `track SLICES SIDE THREADS`: follows one object through a volume with SAM 2.1 tiny and random weights. Prints {@link Tracked}. */
import { peakMemory, resetPeakMemory } from "@rfmedsam/base/node";
import { scalingAffine } from "@rfmedsam/imaging";
import { officialSam2Configs, Sam2, TorchRefiner, withImageSize } from "@rfmedsam/models";
import { VolumePredictor, volumeSlices } from "@rfmedsam/segmenter";
import { setNumThreads } from "@rfmedsam/torch";
import { drawn } from "../works/official.js";

export interface Tracked {
  /** Slices that got a mask. */
  readonly slices: number;
  readonly secondsPerSlice: number;
  /** Of the process while it tracked, the volume not counted. */
  readonly peakBytes: number;
}

const [slices = 0, side = 0, threads = 0] = process.argv.slice(2).map(Number);
setNumThreads(threads);

const data = new Int16Array(slices * side * side);
for (let i = 0; i < data.length; i++) data[i] = (Math.imul(i, 2_654_435_761) >>> 0) % 2000; // noise, the same for every run
const volume = { data, shape: [slices, side, side], affine: scalingAffine([1, 1, 1]) } as const;
const source = volumeSlices(volume, { axis: 0, window: [0, 2000], colours: "repeat", imageSize: side });

const config = withImageSize(officialSam2Configs["sam2.1_hiera_t"], side);
const network = new TorchRefiner(drawn(() => new Sam2(config).eval()));
using predictor = new VolumePredictor(network, source, { history: "reachable" });
globalThis.gc?.();
resetPeakMemory();
await predictor.addPoints(0, 1, { points: [[side / 2, side / 2]], labels: [1] });
const start = performance.now();
let tracked = 0;
for await (const answer of predictor.propagate()) tracked += answer.objectIds.length;
const secondsPerSlice = (performance.now() - start) / 1000 / slices;
const result: Tracked = { slices: tracked, secondsPerSlice, peakBytes: peakMemory() - data.byteLength };
console.log(JSON.stringify(result));
