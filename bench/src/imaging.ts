/**
 * `node bench/dist/imaging.js`: what images cost without any network. Resampling a CT of 512×512×200 at 0.8×0.8×2 mm to 1.5 mm beside the
 * same in Python (skimage over scipy, as nnU-Net does it; RFMEDSAM_IMAGING_PYTHON names a Python that has it), and regions of a mask of
 * 256³. One thread. Prints tables and writes bench-output/imaging.json.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import {
  close,
  computeNewShape,
  connectedComponents,
  dilate,
  distanceTransform,
  erode,
  fillHoles,
  largestComponent,
  open,
  resampleImage,
  spacingOf,
  type Triple,
  toFloat32,
} from "@rfmedsam/imaging";
import { readVolume } from "@rfmedsam/imaging/node";
import { describeMachine, machine, revision } from "./machine.js";
import { root } from "./sides.js";
import { median, pairedRatio } from "./statistics.js";
import { formatSeconds, renderCells } from "./table.js";

const { values: options } = parseArgs({
  options: {
    /** A CT to start from; it is brought to 512×512×200 first. */
    image: { type: "string" },
    rounds: { type: "string", default: "3" },
    output: { type: "string", default: join(root, "bench-output/imaging.json") },
  },
});
const rounds = Number(options.rounds);
const shape: Triple = [200, 512, 512];
const spacing: Triple = [2, 0.8, 0.8];
const target: Triple = [1.5, 1.5, 1.5];
const newShape = computeNewShape(shape, spacing, target);

function seconds(work: () => unknown): number {
  const start = performance.now();
  work();
  return (performance.now() - start) / 1000;
}

async function startingImage(): Promise<Float32Array> {
  if (options.image !== undefined) {
    const volume = await readVolume(options.image);
    console.log(
      `${options.image}: ${volume.shape.join("×")}, ${spacingOf(volume)
        .map((mm) => mm.toFixed(2))
        .join("×")} mm`,
    );
    return resampleImage(toFloat32(volume.data), volume.shape, shape, 1);
  }
  return Float32Array.from(
    { length: shape[0] * shape[1] * shape[2] },
    (_, i) => Math.sin(i / 97) * 500 + ((i * 7919) % 200),
  );
}

/** A Python that has skimage, if there is one. */
function imagingPython(): string | undefined {
  return [process.env.RFMEDSAM_IMAGING_PYTHON, "python3"].find(
    (python) => python && spawnSync(python, ["-c", "import skimage.transform"]).status === 0,
  );
}

console.log(`${describeMachine()}\nNode.js ${machine.node}, 1 thread\n`);
const image = await startingImage();
const python = imagingPython();
const folder = mkdtempSync(join(tmpdir(), "bench-"));
const ours: number[] = [];
const theirs: number[] = [];
let largest: number | undefined;
try {
  const [input, output] = [join(folder, "in.f32"), join(folder, "out.f32")];
  writeFileSync(input, image);
  const peer =
    python === undefined
      ? undefined
      : spawn(python, [join(root, "bench/python/resample.py"), input, output, shape.join(), newShape.join()], {
          env: { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" },
          stdio: ["pipe", "pipe", "inherit"],
        });
  const answers = peer && createInterface({ input: peer.stdout })[Symbol.asyncIterator]();
  let result = new Float32Array();
  for (let round = 0; round < rounds; round++) {
    ours.push(
      seconds(() => {
        result = resampleImage(image, shape, newShape, 3) as Float32Array<ArrayBuffer>;
      }),
    );
    if (peer === undefined || answers === undefined) continue;
    peer.stdin.write("\n");
    theirs.push((JSON.parse((await answers.next()).value as string) as { seconds: number }).seconds);
  }
  peer?.stdin.end();
  if (theirs.length > 0) {
    const bytes = readFileSync(output);
    const reference = new Float32Array(bytes.buffer, bytes.byteOffset, bytes.length / 4);
    largest = reference.reduce((most, value, i) => Math.max(most, Math.abs(value - result[i]!)), 0);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}
const ratio = theirs.length > 0 ? pairedRatio(ours, theirs) : undefined;
console.log(
  renderCells([
    ["", "TypeScript", "Python", "ratio", "largest difference"],
    [
      `${shape.join("×")} to ${newShape.join("×")}, cubic`,
      formatSeconds(median(ours)),
      theirs.length > 0 ? formatSeconds(median(theirs)) : "no skimage",
      ratio === undefined ? "–" : `${ratio.median.toFixed(2)} (${ratio.least.toFixed(2)} – ${ratio.most.toFixed(2)})`,
      largest === undefined ? "–" : largest.toExponential(1),
    ],
  ]),
);

const side = 256;
const cube: Triple = [side, side, side];
/** Two balls, one of them hollow, and specks. */
const mask = Uint8Array.from({ length: side ** 3 }, (_, i) => {
  const [z, y, x] = [Math.floor(i / side / side), Math.floor(i / side) % side, i % side];
  const [large, small] = [Math.hypot(z - 128, y - 128, x - 128), Math.hypot(z - 40, y - 40, x - 40)];
  return (large < 100 && large > 30) || small < 30 || (i * 2654435761) % 1009 === 0 ? 1 : 0;
});
const work: Readonly<Record<string, () => unknown>> = {
  "components, 6 neighbours": () => connectedComponents(mask, cube, 6),
  "components, 18 neighbours": () => connectedComponents(mask, cube, 18),
  "components, 26 neighbours": () => connectedComponents(mask, cube, 26),
  "largest component": () => largestComponent(mask, cube, 26),
  "holes filled": () => fillHoles(mask, cube),
  "distance transform": () => distanceTransform(mask, cube, [2, 0.8, 0.8]),
  "eroded, 6": () => erode(mask, cube),
  "dilated, 26": () => dilate(mask, cube, { connectivity: 26 }),
  "opened, 6": () => open(mask, cube),
  "closed, 18": () => close(mask, cube, { connectivity: 18 }),
};
const regions = Object.entries(work).map(([name, run]) => {
  run(); // once for the compiler
  return { name, seconds: Array.from({ length: rounds }, () => seconds(run)) };
});
console.log(
  `\n${renderCells([[`mask of ${side}³`, "one core"], ...regions.map((row) => [row.name, formatSeconds(median(row.seconds))])])}\n`,
);

await writeJsonAtomic(options.output, {
  date: new Date().toISOString(),
  revision: revision(),
  machine,
  resampling: {
    shape,
    newShape,
    typescript: ours,
    python: theirs,
    ratio: ratio ?? null,
    largestDifference: largest ?? null,
  },
  regions,
});
console.log(`Written to ${options.output}`);
