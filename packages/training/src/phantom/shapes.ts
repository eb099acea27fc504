/**
 * Bodies described by a function: signed distance to the surface in mm, negative inside, approximately Euclidean near the surface
 * (good enough for partial volumes, not for far measurements). Coordinates are patient mm: x to the right, y to the front, z up.
 *
 * Operations follow the usual implicit modelling (Bloomenthal, "Introduction to Implicit Surfaces"; polynomial smooth minimum by
 * Quílez).
 */
import type { Random } from "@rfmedsam/base";

export type Point = readonly [x: number, y: number, z: number];

/** Signed distance in mm at a point, negative inside. */
export type Field = (x: number, y: number, z: number) => number;

/** Where a body can be; everything outside is outside the body. */
export interface Box {
  readonly min: Point;
  readonly max: Point;
}

export interface Shape {
  readonly field: Field;
  readonly box: Box;
}

export const everywhere: Box = { min: [-1e6, -1e6, -1e6], max: [1e6, 1e6, 1e6] };

export function grown({ min, max }: Box, margin: number): Box {
  return {
    min: [min[0] - margin, min[1] - margin, min[2] - margin],
    max: [max[0] + margin, max[1] + margin, max[2] + margin],
  };
}

function boxUnion(a: Box, b: Box): Box {
  const pick = (choose: (...values: number[]) => number, u: Point, v: Point): Point => [
    choose(u[0], v[0]),
    choose(u[1], v[1]),
    choose(u[2], v[2]),
  ];
  return { min: pick(Math.min, a.min, b.min), max: pick(Math.max, a.max, b.max) };
}

export interface EllipsoidOptions {
  readonly centre: Point;
  readonly radii: Point;
  /** Turns about x, y, z in degrees, applied in that order. */
  readonly turn?: Point;
  /** 2 is an ellipsoid, more is squarer. */
  readonly exponent?: number;
}

/** A superellipsoid. */
export function ellipsoid({ centre, radii, turn = [0, 0, 0], exponent = 2 }: EllipsoidOptions): Shape {
  const [cx, cy, cz] = centre;
  const [a, b, c] = radii;
  const [[m00, m01, m02], [m10, m11, m12], [m20, m21, m22]] = inverseRotation(turn);
  const field: Field = (x, y, z) => {
    const dx = x - cx;
    const dy = y - cy;
    const dz = z - cz;
    const u = Math.abs((m00 * dx + m01 * dy + m02 * dz) / a);
    const v = Math.abs((m10 * dx + m11 * dy + m12 * dz) / b);
    const w = Math.abs((m20 * dx + m21 * dy + m22 * dz) / c);
    const round = Math.sqrt(u * u + v * v + w * w);
    // The power is slow, and far away the ellipsoid says enough.
    const r = exponent === 2 || round > 2 ? round : (u ** exponent + v ** exponent + w ** exponent) ** (1 / exponent);
    // Distance along the ray from the centre; at the very centre the smallest radius is the right answer.
    return r < 1e-3 ? -Math.min(a, b, c) : Math.sqrt(dx * dx + dy * dy + dz * dz) * (1 - 1 / r);
  };
  const reach = Math.max(a, b, c) * (exponent > 2 ? 1.35 : 1);
  return { field, box: grown({ min: centre, max: centre }, reach) };
}

type Rows = readonly [Point, Point, Point];

/** Rows that take a turned direction back to the body's own axes. */
function inverseRotation([ax, ay, az]: Point): Rows {
  const [cx, sx] = cosSin(ax);
  const [cy, sy] = cosSin(ay);
  const [cz, sz] = cosSin(az);
  return [
    [cz * cy, sz * cy, -sy],
    [cz * sy * sx - sz * cx, sz * sy * sx + cz * cx, cy * sx],
    [cz * sy * cx + sz * sx, sz * sy * cx - cz * sx, cy * cx],
  ];
}

function cosSin(degrees: number): [number, number] {
  const angle = (degrees * Math.PI) / 180;
  return [Math.cos(angle), Math.sin(angle)];
}

/** A point of a tube's centre line, with the tube's radius there. */
export type Station = readonly [x: number, y: number, z: number, radius: number];

/** A tube of varying radius along a smooth curve (Catmull–Rom) through the stations. */
export function tube(stations: readonly Station[], steps = 4): Shape {
  const line = smoothLine(stations, steps);
  const segments = Float64Array.from(line.slice(1).flatMap((end, i) => segmentOf(line[i] as Station, end)));
  const field: Field = (x, y, z) => {
    let best = Number.POSITIVE_INFINITY;
    for (let i = 0; i < segments.length; i += 9) {
      const dx = x - segments[i]!;
      const dy = y - segments[i + 1]!;
      const dz = z - segments[i + 2]!;
      const ux = segments[i + 3]!;
      const uy = segments[i + 4]!;
      const uz = segments[i + 5]!;
      const along = (dx * ux + dy * uy + dz * uz) * segments[i + 6]!;
      const t = Math.max(0, Math.min(1, along));
      const ex = dx - t * ux;
      const ey = dy - t * uy;
      const ez = dz - t * uz;
      const distance = Math.sqrt(ex * ex + ey * ey + ez * ez) - (segments[i + 7]! + t * segments[i + 8]!);
      if (distance < best) best = distance;
    }
    return best;
  };
  const box = line
    .map(([x, y, z, r]): Box => grown({ min: [x, y, z], max: [x, y, z] }, r))
    .reduce((all, one) => boxUnion(all, one));
  return { field, box };
}

/** Start, direction, 1 / length², radius at the start and its growth: nine numbers. */
function segmentOf(from: Station, to: Station): number[] {
  const [ux, uy, uz] = [to[0] - from[0], to[1] - from[1], to[2] - from[2]];
  return [from[0], from[1], from[2], ux, uy, uz, 1 / (ux * ux + uy * uy + uz * uz), from[3], to[3] - from[3]];
}

function smoothLine(stations: readonly Station[], steps: number): Station[] {
  const at = (i: number) => stations[Math.min(stations.length - 1, Math.max(0, i))] as Station;
  const line: Station[] = [];
  for (let i = 0; i + 1 < stations.length; i++) {
    for (let step = 0; step < steps; step++) {
      const t = step / steps;
      const blend = (k: 0 | 1 | 2 | 3) => catmullRom(at(i - 1)[k], at(i)[k], at(i + 1)[k], at(i + 2)[k], t);
      line.push([blend(0), blend(1), blend(2), Math.max(1, blend(3))]);
    }
  }
  line.push(at(stations.length - 1));
  return line;
}

function catmullRom(p: number, q: number, r: number, s: number, t: number): number {
  return q + 0.5 * t * (r - p + t * (2 * p - 5 * q + 4 * r - s + t * (3 * (q - r) + s - p)));
}

/** Both bodies, melted together over about `blend` mm where they meet. */
export function union(a: Shape, b: Shape, blend: number): Shape {
  const [f, g] = [a.field, b.field];
  return { field: (x, y, z) => smoothMin(f(x, y, z), g(x, y, z), blend), box: boxUnion(a.box, b.box) };
}

/** Further out than this (mm) nobody asks how far: the outer operand alone answers, which spares the other's evaluation. */
const far = 12;

/** `a` without `b`, the edge rounded over about `blend` mm. */
export function subtract(a: Shape, b: Field, blend: number): Shape {
  const f = a.field;
  const field: Field = (x, y, z) => {
    const distance = f(x, y, z);
    return distance > far ? distance : -smoothMin(-distance, b(x, y, z), blend);
  };
  return { field, box: a.box };
}

/** What `a` and `limit` share. */
export function intersect(a: Shape, limit: Field, blend = 4): Shape {
  return subtract(a, (x, y, z) => -limit(x, y, z), blend);
}

/** The surface moved in and out by a smooth function of space, by `amplitude` mm at most. */
export function deform(a: Shape, wave: Field, amplitude: number): Shape {
  const f = a.field;
  const field: Field = (x, y, z) => {
    const distance = f(x, y, z);
    return Math.abs(distance) > far + amplitude ? distance : distance + wave(x, y, z);
  };
  return { field, box: grown(a.box, amplitude) };
}

function smoothMin(a: number, b: number, blend: number): number {
  const h = Math.max(0, blend - Math.abs(a - b)) / blend;
  return Math.min(a, b) - h * h * blend * 0.25;
}

/** A smooth random function of space within ±amplitude: a few plane waves around the given wavelength (mm). */
export function waves(random: Random, amplitude: number, wavelength: number, count = 4): Field {
  const parts = new Float64Array(4 * count);
  for (let i = 0; i < parts.length; i += 4) {
    const z = random.uniform(-1, 1);
    const angle = random.uniform(0, 2 * Math.PI);
    const k = (2 * Math.PI) / (wavelength * random.uniform(0.75, 1.4));
    const flat = Math.sqrt(1 - z * z);
    parts.set([k * flat * Math.cos(angle), k * flat * Math.sin(angle), k * z, random.uniform(0, 2 * Math.PI)], i);
  }
  const height = amplitude / Math.sqrt(count);
  return (x, y, z) => {
    let sum = 0;
    for (let i = 0; i < parts.length; i += 4) {
      sum += Math.sin(parts[i]! * x + parts[i + 1]! * y + parts[i + 2]! * z + parts[i + 3]!);
    }
    return Math.max(-amplitude, Math.min(amplitude, height * sum));
  };
}
