/**
 * `node bench/dist/converting-memory.js`: how much memory converting a large NIfTI file takes, as a multiple of the file's size: as it lies,
 * with its axes turned, compressed, and with a fractional slope that makes its values float64. Every one in a process of its own. Prints a
 * table and writes bench-output/converting-memory.json; fails when the goal is missed where whole numbers stay whole.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { open, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { writeJsonAtomic } from "@rfmedsam/base/node";
import { scalingAffine } from "@rfmedsam/imaging";
import { writeVolume } from "@rfmedsam/imaging/node";
import type { Converted } from "./children/convert.js";
import { runChild } from "./children/run.js";
import { describeMachine, machine, revision } from "./machine.js";
import { root } from "./sides.js";
import { formatBytes, formatSeconds, renderCells } from "./table.js";

/** Memory beside the file's size that is still good. */
const goal = 2.5;
const side = 512;
/** Places in a NIfTI-1 header: slices, the slope that values are multiplied with, where they begin. */
const [slicesAt, slopeAt, voxelsAt] = [46, 112, 108];

const { values: options } = parseArgs({
  options: {
    /** 3000 slices are 1.57 GB. */
    slices: { type: "string", default: "3000" },
    output: { type: "string", default: join(root, "bench-output/converting-memory.json") },
  },
});
const slices = Number(options.slices);
const size = slices * side * side * Int16Array.BYTES_PER_ELEMENT;

/** One slice's file with a header that says there are many, and the slice as many times; nothing here ever holds the volume. */
async function writeLarge(file: string, slope: number): Promise<void> {
  const data = Int16Array.from({ length: side * side }, (_, i) => (i * 7) % 2000);
  await writeVolume(file, { data, shape: [1, side, side], affine: scalingAffine([2, 1, 1]) });
  const bytes = await readFile(file);
  bytes.writeInt16LE(slices, slicesAt);
  bytes.writeFloatLE(slope, slopeAt);
  const voxels = bytes.subarray(bytes.readFloatLE(voxelsAt));
  const handle = await open(file, "w");
  try {
    await handle.write(bytes.subarray(0, bytes.length - voxels.length));
    for (let z = 0; z < slices; z++) await handle.write(voxels);
  } finally {
    await handle.close();
  }
}

interface Way {
  readonly name: string;
  readonly slope: number;
  readonly output: string;
  readonly orientation: string;
  /** Whether the goal is meant for it. */
  readonly counts: boolean;
}
const ways: readonly Way[] = [
  { name: "as it lies", slope: 1, output: "out.nii", orientation: "", counts: true },
  { name: "axes turned", slope: 1, output: "out.nii", orientation: "PSL", counts: true },
  { name: "to NRRD", slope: 1, output: "out.nrrd", orientation: "", counts: true },
  { name: "fractional slope: float64", slope: 0.3, output: "out.nii", orientation: "", counts: false },
];

console.log(`${describeMachine()}\nNode.js ${machine.node}; ${slices}×${side}×${side} int16, ${formatBytes(size)}`);
const folder = mkdtempSync(join(tmpdir(), "bench-"));
const results: (Way & Converted & { readonly ratio: number })[] = [];
try {
  const input = join(folder, "large.nii");
  let written = Number.NaN;
  for (const way of ways) {
    if (way.slope !== written) await writeLarge(input, way.slope);
    written = way.slope;
    const output = join(folder, way.output);
    const converted = await runChild<Converted>("convert", input, output, way.orientation);
    rmSync(output);
    results.push({ ...way, ...converted, ratio: converted.peakBytes / size });
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

const rows = results.map(({ name, seconds, peakBytes, ratio }) => [
  name,
  formatSeconds(seconds),
  formatBytes(peakBytes),
  ratio.toFixed(2),
]);
console.log(`\n${renderCells([["", "time", "peak memory", "beside the file"], ...rows])}\n`);
await writeJsonAtomic(options.output, {
  date: new Date().toISOString(),
  revision: revision(),
  machine,
  bytes: size,
  results,
});
console.log(`Written to ${options.output}`);

if (results.some(({ counts, ratio }) => counts && ratio > goal)) {
  console.error(`Converting takes more than ${goal} times the file's size.`);
  process.exitCode = 1;
}
