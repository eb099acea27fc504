/**
 * An abdominal scan made up by rules: random patient, random scanner, and the true labels.
 *
 * Anatomy, scanner, intensities and noise draw from streams of their own, so that the CT and the MR of one seed show one patient.
 */
import { ConfigError, Random } from "@rfmedsam/base";
import type { Affine, Triple, Volume } from "@rfmedsam/imaging";
import { makeAnatomy } from "./anatomy.js";
import { ctPalette, mrPalette } from "./intensity.js";
import { addRician, blur, correlatedNoise } from "./noise.js";
import { defaultOrgans, type Organ, organNames } from "./organs.js";
import { type Grid, paint, type Warp } from "./raster.js";
import { waves } from "./shapes.js";

export type Modality = "ct" | "mr";

/** The way voxel axes i, j, k run. */
export type StoredOrientation = "RAS" | "LPS" | "LAS";

export interface PhantomOptions {
  readonly modality?: Modality;
  /** Labelled organs; label numbers are their places in this list, from 1. */
  readonly organs?: readonly Organ[];
  /** Size of a slice's voxels in mm: one value or a range to draw from. */
  readonly inPlaneSpacing?: number | readonly [low: number, high: number];
  /** Distance of slices in mm: one value or a range to draw from. */
  readonly sliceSpacing?: number | readonly [low: number, high: number];
  /** Scanned extent `[z, y, x]` in mm; with the spacing it gives the shape. */
  readonly fieldOfView?: Triple;
  readonly orientation?: StoredOrientation | "varied";
  /** Probability that spleen, gallbladder or one kidney is missing. */
  readonly absence?: number;
  /** Factor on the noise; 1 is a noisy but readable scan. */
  readonly noise?: number;
}

export interface Phantom {
  /** CT: HU as int16. MR: arbitrary units as float32. */
  readonly image: Volume<Int16Array | Float32Array>;
  readonly labels: Volume<Uint8Array>;
}

const defaults = {
  modality: "ct",
  organs: defaultOrgans,
  inPlaneSpacing: [3.5, 4.5],
  sliceSpacing: [4, 6],
  fieldOfView: [220, 280, 340],
  orientation: "varied",
  absence: 0.02,
  noise: 1,
} as const satisfies Required<PhantomOptions>;

const streams = { anatomy: 1, scanner: 2, intensity: 3, noise: 4 };

/**
 * Makes one phantom.
 *
 * @param seed one or more integers that name the patient; the same ones give the same voxels
 * @throws ConfigError for sizes, spacings or organs that make no phantom
 */
export function makePhantom(options: PhantomOptions, seed: number | readonly number[]): Phantom {
  const settings = { ...defaults, ...options };
  check(settings);
  const names = typeof seed === "number" ? [seed] : seed;
  const stream = (name: keyof typeof streams) => new Random(...names, streams[name]);
  const { grid, affine } = makeGrid(stream("scanner"), settings);
  const anatomy = stream("anatomy");
  const warp = makeWarp(anatomy);
  const structures = makeAnatomy(anatomy, settings);
  const intensity = stream("intensity");
  const ct = settings.modality === "ct";
  const { image, labels } = paint(grid, structures, ct ? ctPalette(intensity) : mrPalette(intensity), {
    air: ct ? -1000 : 5,
    warp,
    numbers: new Map(settings.organs.map((organ, index) => [organ, index + 1])),
  });
  const scan = ct ? scanCt : scanMr;
  const data = scan(image, grid, stream("noise"), settings.noise);
  const { shape } = grid;
  return { image: { data, shape, affine }, labels: { data: labels, shape, affine } };
}

/** The finest voxel whose phantom is still worth the memory. */
const smallestSpacing = 0.25;

function check(settings: Required<PhantomOptions>): void {
  const refuse = (found: string, expected: string): never => {
    throw new ConfigError({ found, expected });
  };
  for (const name of ["inPlaneSpacing", "sliceSpacing"] as const) {
    const [low, high] = rangeOf(settings[name]);
    if (!(low >= smallestSpacing && high >= low && high <= 50)) {
      refuse(`a phantom's ${name} of ${low} … ${high}`, `millimetres from ${smallestSpacing} to 50, low before high`);
    }
  }
  if (!settings.fieldOfView.every((size) => size >= 10 && size <= 1000)) {
    refuse(`a phantom's field of view of ${settings.fieldOfView.join(" × ")}`, "10 to 1000 mm along each axis");
  }
  if (!(settings.noise >= 0)) refuse(`a noise factor of ${settings.noise}`, "0 or more");
  if (!(settings.absence >= 0 && settings.absence <= 1)) refuse(`an absence of ${settings.absence}`, "0 to 1");
  const unknown = settings.organs.find((organ) => !organNames.includes(organ));
  if (unknown !== undefined) refuse(`no organ is called ${unknown}`, organNames.join(", "));
  if (settings.organs.length === 0) refuse("no organs", "at least one to label");
  if (new Set(settings.organs).size < settings.organs.length) refuse("an organ named twice", "each organ once");
}

const rangeOf = (value: number | readonly [number, number]): readonly [number, number] =>
  typeof value === "number" ? [value, value] : value;

/** Whole 64ths of a millimetre: exact in the float32 of a file, so that a written affine reads back the same. */
const exact = (mm: number): number => Math.round(mm * 64) / 64;

function makeGrid(random: Random, settings: Required<PhantomOptions>): { grid: Grid; affine: Affine } {
  const inPlane = exact(random.uniform(...rangeOf(settings.inPlaneSpacing)));
  const spacing: Triple = [exact(random.uniform(...rangeOf(settings.sliceSpacing))), inPlane, inPlane];
  const count = (axis: 0 | 1 | 2) => Math.max(1, Math.round(settings.fieldOfView[axis] / spacing[axis]));
  const shape: Triple = [count(0), count(1), count(2)];
  const drawn = random.pick(["RAS", "LPS", "LAS"] as const);
  const orientation = settings.orientation === "varied" ? drawn : settings.orientation;
  const centre = [random.normal(0, 4), random.normal(0, 4), random.normal(0, 7)] as const;
  // Where the scanner's own origin lies is nobody's business but the affine's.
  const origin = [random.uniform(-60, 60), random.uniform(-60, 60), random.uniform(-900, 300)] as const;
  const axis = (which: 0 | 1 | 2, positive: string) => {
    const array = (2 - which) as 0 | 1 | 2;
    const step = spacing[array] * (orientation[which] === positive ? 1 : -1);
    const first = exact((centre[which] ?? 0) - (step * (shape[array] - 1)) / 2);
    const coordinates = Float64Array.from({ length: shape[array] }, (_, index) => first + index * step);
    return { coordinates, step, start: first + exact(origin[which]) };
  };
  const [x, y, z] = [axis(0, "R"), axis(1, "A"), axis(2, "S")];
  const affine: Affine = [x.step, 0, 0, x.start, 0, y.step, 0, y.start, 0, 0, z.step, z.start, 0, 0, 0, 1];
  return { grid: { shape, spacing, x: x.coordinates, y: y.coordinates, z: z.coordinates }, affine };
}

function makeWarp(random: Random): Warp {
  const stature = random.uniform(0.92, 1.1);
  const amplitude = 6;
  return {
    scale: [random.uniform(0.95, 1.08), random.uniform(0.95, 1.08), stature],
    bend: waves(random, amplitude, 230, 2),
    amplitude,
  };
}

/** Blur of the reconstruction, a slow drift (beam hardening), correlated noise; whole HU. */
function scanCt(image: Float32Array, grid: Grid, random: Random, strength: number): Int16Array {
  const sigma = random.uniform(0.4, 0.6);
  blur(image, grid.shape, [sigma, sigma, sigma]);
  const drift = waves(random, random.uniform(2, 9), 260);
  const level = random.uniform(11, 21) * strength;
  const grain = random.uniform(0.4, 0.75);
  const noise = correlatedNoise(random, grid.shape, [0.3, grain, grain]);
  const out = new Int16Array(image.length);
  everyVoxel(grid, (at, x, y, z) => {
    const value = (image[at] as number) + drift(x, y, z) + level * (noise[at] as number);
    out[at] = Math.round(Math.min(3071, Math.max(-1024, value)));
  });
  return out;
}

/** Blur, a coil's bias field, Rician noise. */
function scanMr(image: Float32Array, grid: Grid, random: Random, strength: number): Float32Array {
  const sigma = random.uniform(0.35, 0.55);
  blur(image, grid.shape, [sigma, sigma, sigma]);
  const bias = waves(random, random.uniform(0.15, 0.4), 380, 3);
  const correlation: Triple = [0.3, 0.45, 0.45];
  const real = correlatedNoise(random, grid.shape, correlation);
  const imaginary = correlatedNoise(random, grid.shape, correlation);
  let mean = 0;
  everyVoxel(grid, (at, x, y, z) => {
    const value = (image[at] as number) * Math.exp(bias(x, y, z));
    image[at] = value;
    mean += value / image.length;
  });
  addRician(image, real, imaginary, mean * random.uniform(0.05, 0.11) * strength);
  return image;
}

function everyVoxel(grid: Grid, visit: (at: number, x: number, y: number, z: number) => void): void {
  let at = 0;
  for (const z of grid.z) for (const y of grid.y) for (const x of grid.x) visit(at++, x, y, z);
}
