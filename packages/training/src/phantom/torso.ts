/**
 * The frame of the phantom's abdomen: skin, fat, muscular wall, diaphragm, lungs, ribs, spine. Gives the organs the cavity they
 * must stay in.
 */
import type { Random } from "@rfmedsam/base";
import { ellipsoid, everywhere, type Field, type Shape, type Station, tube, waves } from "./shapes.js";
import type { Structure } from "./structure.js";

export interface Torso {
  /** Distance to the inner side of the abdominal wall, negative inside. */
  readonly cavity: Field;
  /** Height (z, mm) of the diaphragm above a point of the plane. */
  readonly diaphragm: (x: number, y: number) => number;
  /** Fat, muscle, ribs: what lies around and behind the organs. */
  readonly structures: readonly Structure[];
  readonly spine: readonly Structure[];
  /** Painted last: nothing but the heart reaches above the diaphragm. */
  readonly lungs: readonly Structure[];
}

export function torso(random: Random): Torso {
  const frame = makeFrame(random);
  const plain = (shape: Shape, material: Structure["material"]): Structure => ({
    ...shape,
    material,
    tint: random.uniform(-1, 1),
  });
  const muscles = [-1, 1].flatMap((side) => {
    const psoas: readonly Station[] = [
      [side * 26, -50, 20, 7],
      [side * 32, -50, -30, 14],
      [side * 42, -48, -80, 21],
      [side * 52, -44, -150, 24],
    ];
    const behind = ellipsoid({ centre: [side * 36, -84, 0], radii: [31, 19, 400], exponent: 2.4 });
    return [plain(tube(psoas, 3), "muscle"), plain({ ...behind, box: everywhere }, "muscle")];
  });
  const { outline, wall, cavity, diaphragm } = frame;
  const structures = [
    plain({ field: tableTop(random), box: everywhere }, "table"),
    // Shells: what the next body covers anyway is not painted.
    plain({ field: (x, y, z) => Math.max(outline(x, y, z), -wall(x, y, z) - 8), box: everywhere }, "fat"),
    plain({ field: (x, y, z) => Math.max(wall(x, y, z), -cavity(x, y, z) - 8), box: everywhere }, "muscle"),
    plain({ field: cavity, box: everywhere }, "fat"),
    ...muscles,
    plain({ field: ribs(random, wall), box: everywhere }, "bone"),
  ];
  return {
    cavity,
    diaphragm,
    structures,
    spine: spine(random, plain),
    lungs: lungs(random, frame).map(({ shape, material }) => plain(shape, material)),
  };
}

interface Frame {
  readonly outline: Field;
  readonly wall: Field;
  readonly cavity: Field;
  readonly diaphragm: (x: number, y: number) => number;
}

function makeFrame(random: Random): Frame {
  const [halfWidth, halfDepth] = [random.uniform(126, 136), random.uniform(94, 102)];
  const fatSide = random.uniform(6, 20);
  const [fatFront, fatBack] = [random.uniform(6, 24), random.uniform(6, 12)];
  const muscle = random.uniform(7, 12);
  const squareness = random.uniform(0.25, 0.65);
  const bump = waves(random, 3, 140, 3);
  // The waist: a little narrower half-way down.
  const waist = random.uniform(0, 7);
  const ring = (dx: number, front: number, back: number): Field => {
    const halfHeight = halfDepth + (front + back) / 2;
    const middle = (front - back) / 2;
    return (x, y, z) => {
      const a = halfWidth + dx - waist / (1 + ((z + 45) / 45) ** 2);
      const u = Math.abs(x) / a;
      const v = Math.abs(y - middle) / halfHeight;
      // Between an ellipse and a squarer curve: s = (1 − q)(u² + v²) + q(u³ + v³); its gradient turns s − 1 into mm.
      const s = (1 - squareness) * (u * u + v * v) + squareness * (u * u * u + v * v * v);
      const su = (2 * (1 - squareness) * u + 3 * squareness * u * u) / a;
      const sv = (2 * (1 - squareness) * v + 3 * squareness * v * v) / halfHeight;
      const distance = (s - 1) / Math.max(1e-3, Math.sqrt(su * su + sv * sv));
      return Math.abs(distance) > 30 ? distance : distance + bump(x, y, z);
    };
  };
  const [rightTop, leftTop] = [random.uniform(84, 106), random.uniform(72, 94)];
  const [rightCurve, leftCurve] = [random.uniform(0.0045, 0.0075), random.uniform(0.0045, 0.0075)];
  const diaphragm = (x: number, y: number) =>
    Math.max(
      rightTop - rightCurve * ((x - 66) ** 2 + (y - 8) ** 2),
      leftTop - leftCurve * ((x + 68) ** 2 + (y - 8) ** 2),
    );
  return {
    outline: ring(fatSide, fatFront, fatBack),
    wall: ring(0, 0, 0),
    cavity: ring(-muscle, -muscle, -muscle),
    diaphragm,
  };
}

function lungs(random: Random, { cavity, diaphragm }: Frame): { shape: Shape; material: Structure["material"] }[] {
  const middle = random.uniform(26, 34);
  const lung: Field = (x, y, z) => {
    const distance = Math.max(diaphragm(x, y) + 3 - z, middle - Math.abs(x + 6) + 0.15 * Math.abs(y + 30));
    return distance > 10 ? distance : Math.max(distance, cavity(x, y, z) - 2);
  };
  const heart = ellipsoid({
    centre: [random.uniform(-34, -18), random.uniform(22, 36), random.uniform(126, 146)],
    radii: [58, 46, 50],
    turn: [0, random.uniform(-25, 0), random.uniform(-30, -10)],
  });
  const inChest: Field = (x, y, z) => Math.max(heart.field(x, y, z), cavity(x, y, z) + 6, diaphragm(x, y) + 1 - z);
  return [
    { shape: { field: lung, box: { min: [-200, -200, -60], max: [200, 200, 1e6] } }, material: "lung" },
    { shape: { field: inChest, box: heart.box }, material: "heart" },
  ];
}

/** Slanting bands of bone inside the wall, ending at the costal margin. */
function ribs(random: Random, wall: Field): Field {
  const [pitch, phase] = [random.uniform(24, 29), random.uniform(0, 28)];
  const [slant, margin] = [random.uniform(0.4, 0.55), random.uniform(-32, -8)];
  return (x, y, z) => {
    const along = (((z + slant * y + phase) % pitch) + pitch) % pitch;
    const band = Math.abs(along - pitch / 2) - 5;
    const costalMargin = margin + 0.75 * (y + 40) - z;
    const distance = Math.max(band, costalMargin, 20 - Math.abs(x));
    return distance > 10 ? distance : Math.max(distance, Math.abs(wall(x, y, z) + 5) - 3.6);
  };
}

function tableTop(random: Random): Field {
  const height = random.uniform(-134, -128);
  return (x, y) => Math.max(Math.abs(y - height - 0.0012 * x * x) - 2.5, Math.abs(x) - 150);
}

function spine(random: Random, plain: (shape: Shape, material: Structure["material"]) => Structure): Structure[] {
  const [pitch, phase] = [random.uniform(31, 36), random.uniform(0, 34)];
  const [width, depth] = [random.uniform(20, 24), random.uniform(15, 18)];
  const curve = waves(random, 4, 260, 2);
  /** 0 in the middle of a vertebra, ±pitch/2 in the middle of a disc. */
  const level = (z: number) => ((((z + phase) % pitch) + pitch) % pitch) - pitch / 2;
  const column: Field = (x, y, z) => {
    const narrow = 1 + 0.06 * Math.cos((2 * Math.PI * level(z)) / pitch - Math.PI);
    const [u, v] = [x / (width * narrow), (y + 56 + curve(0, 0, z)) / (depth * narrow)];
    const r = Math.sqrt(u * u + v * v);
    return (r - 1) * depth;
  };
  const canalAt = (x: number, y: number, z: number) => Math.hypot(x, (y + 81 + curve(0, 0, z)) * 1.15);
  const arch: Field = (x, y, z) => {
    const here = Math.abs(level(z)) - pitch * 0.32;
    const [dy, ring] = [y + curve(0, 0, z), Math.abs(canalAt(x, y, z) - 12.5) - 3];
    const spinous = Math.max(Math.abs(x) - 3.5, Math.abs(dy + 101) - 11);
    const transverse = Math.max(Math.abs(dy + 76) - 4, Math.abs(Math.abs(x) - 26) - 14, Math.abs(level(z)) - 6);
    return Math.max(Math.min(ring, spinous, transverse), here);
  };
  const box = { min: [-45, -125, -1e6], max: [45, -25, 1e6] } as const;
  const vertebra: Field = (x, y, z) => Math.max(column(x, y, z), Math.abs(level(z)) - (pitch / 2 - 4));
  return [
    plain({ field: column, box }, "disc"),
    { ...plain({ field: arch, box }, "bone"), organ: "vertebrae" },
    plain({ field: (x, y, z) => canalAt(x, y, z) - 9, box }, "fluid"),
    { ...plain({ field: vertebra, box }, "bone"), organ: "vertebrae" },
  ];
}
