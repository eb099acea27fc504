/**
 * How the phantom's materials look: Hounsfield units in CT, arbitrary units in MR.
 *
 * CT: typical attenuation of abdominal tissue without contrast and in the arterial, portal-venous and late phase; a patient lies
 * anywhere between two phases. MR: a T1-weighted gradient echo, every tissue and the overall gain varying from scan to scan.
 */
import type { Random } from "@rfmedsam/base";
import { type Field, waves } from "./shapes.js";
import type { Material } from "./structure.js";

/** Intensity of a material `depth` mm under the surface of its body at a point (patient mm). */
export type Paint = (depth: number, x: number, y: number, z: number, tint: number) => number;

export type Palette = Readonly<Record<Material, Paint>>;

/** Four phases: native, arterial, portal-venous, late. */
type Phases = readonly [number, number, number, number];

const hounsfield = {
  muscle: [55, 58, 62, 62],
  heart: [42, 240, 155, 115],
  liver: [58, 72, 110, 96],
  spleen: [50, 112, 122, 102],
  cortex: [34, 158, 165, 145],
  medulla: [31, 70, 140, 145],
  gutWall: [42, 72, 85, 75],
  aorta: [42, 260, 160, 118],
  vein: [40, 85, 150, 116],
  liverVessel: [42, 85, 155, 112],
  pancreas: [42, 95, 98, 78],
} as const satisfies Record<string, Phases>;

/** A phase, mostly portal-venous, as a place on the way native 0 – arterial 1 – portal 2 – late 3. */
function drawPhase(random: Random): number {
  const kind = random.uniform();
  const phase = kind < 0.12 ? 0 : kind < 0.3 ? 1.1 : kind < 0.85 ? 2 : 2.8;
  return Math.min(3, Math.max(0, random.normal(phase, 0.2)));
}

/** Materials of a CT scan, in HU. */
export function ctPalette(random: Random): Palette {
  const phase = drawPhase(random);
  const tissue = (name: keyof typeof hounsfield, spread: number) => {
    const phases: Phases = hounsfield[name];
    const below = Math.min(2, Math.floor(phase));
    const [from, to] = [phases[below] as number, phases[below + 1] as number];
    return from + (to - from) * (phase - below) + random.normal(0, spread);
  };
  const fatty = random.chance(0.2) ? random.uniform(10, 35) : 0;
  const [liver, spleen] = [tissue("liver", 7) - fatty, tissue("spleen", 8)];
  const [cortex, medulla] = [tissue("cortex", 12), tissue("medulla", 9)];
  const [aorta, vein, heart] = [tissue("aorta", 12), tissue("vein", 10), tissue("heart", 12)];
  const [liverVessel, pancreas] = [tissue("liverVessel", 8), tissue("pancreas", 9)];
  const [gutWall, muscle] = [tissue("gutWall", 6), tissue("muscle", 4)];
  const bile = random.uniform(2, 22);
  const food = random.uniform(5, 55);
  const texture = textures(random);
  const gas = -950;
  return {
    fat: (_, x, y, z) => -104 + 10 * texture.fine(x, y, z),
    muscle: (_, x, y, z) => muscle + 9 * texture.fine(x, y, z),
    bone: (depth, x, y, z) => (depth < 2.5 ? 420 : 190 + 50 * texture.fine(x, y, z)),
    disc: () => 85,
    fluid: () => 18,
    lung: (_, x, y, z) => -840 + 50 * texture.fine(x, y, z),
    table: () => 60,
    heart: (depth) => (depth < 9 ? 0.5 * (heart + 90) : heart),
    liver: (_, x, y, z) => liver + 6 * texture.coarse(x, y, z),
    spleen: (_, x, y, z) => spleen + 7 * texture.coarse(x, y, z),
    kidney: (depth) => layered(depth, cortex, medulla),
    stomach: (depth, x, y, z) => (depth < 3 ? gutWall : y > texture.gasLevel ? gas : food + 22 * texture.fine(x, y, z)),
    aorta: () => aorta,
    vein: () => vein,
    liverVessel: () => liverVessel,
    lesion: (_, _x, _y, _z, tint) => 25 + 30 * tint,
    gallbladder: () => bile,
    pancreas: (_, x, y, z) => pancreas + 14 * texture.fine(x, y, z),
    bowel: (depth, x, y, z, tint) =>
      depth < 3 ? gutWall : tint > 0.75 && y > 40 ? gas : 28 + 28 * tint + 18 * texture.fine(x, y, z),
    colon: (depth, x, y, z) => {
      const content = texture.fine(x, y, z) + 0.6 * texture.coarse(x, y, z);
      return depth < 2.5 ? gutWall : content > 0.45 ? gas : 30 + 60 * content;
    },
  };
}

/** Materials of an MR scan, in units of the scanner. */
export function mrPalette(random: Random): Palette {
  const gain = random.uniform(0.6, 2.2);
  const tissue = (value: number, spread = 0.09) => value * gain * (1 + random.normal(0, spread));
  const [fat, muscle, marrow, disc] = [tissue(600), tissue(205), tissue(330), tissue(170)];
  const [liver, spleen, cortex, medulla] = [tissue(345), tissue(250), tissue(310), tissue(225)];
  const [blood, vein] = [tissue(300, 0.35), tissue(290, 0.3)];
  const [gutWall, food, pancreas] = [tissue(240), tissue(180, 0.4), tissue(360)];
  const [bile, fluid, air] = [tissue(260, 0.5), tissue(95), 6 * gain];
  const texture = textures(random);
  const varied = (value: number, share: number, field: Field): Paint => {
    return (_, x, y, z) => value * (1 + share * field(x, y, z));
  };
  return {
    fat: varied(fat, 0.06, texture.fine),
    muscle: varied(muscle, 0.08, texture.fine),
    bone: (depth) => (depth < 2 ? 60 * gain : marrow),
    disc: () => disc,
    fluid: () => fluid,
    lung: () => 25 * gain,
    table: () => air,
    heart: (depth) => (depth < 9 ? muscle * 1.2 : blood),
    liver: varied(liver, 0.05, texture.coarse),
    spleen: varied(spleen, 0.05, texture.coarse),
    kidney: (depth) => layered(depth, cortex, medulla),
    stomach: (depth, x, y, z) =>
      depth < 3 ? gutWall : y > texture.gasLevel ? air : food * (1 + 0.2 * texture.fine(x, y, z)),
    aorta: () => blood,
    vein: () => vein,
    liverVessel: () => 0.5 * (vein + liver),
    lesion: (_, _x, _y, _z, tint) => liver * (0.65 + 0.2 * tint),
    gallbladder: () => bile,
    pancreas: varied(pancreas, 0.1, texture.fine),
    bowel: (depth, x, y, z, tint) =>
      depth < 3 ? gutWall : tint > 0.75 && y > 40 ? air : food * (1 + 0.4 * tint + 0.15 * texture.fine(x, y, z)),
    colon: (depth, x, y, z) => {
      const content = texture.fine(x, y, z) + 0.6 * texture.coarse(x, y, z);
      return depth < 2.5 ? gutWall : content > 0.45 ? air : food * (1.1 + 0.4 * content);
    },
  };
}

/** Kidney: cortex outside, medulla under it. */
const layered = (depth: number, cortex: number, medulla: number): number =>
  depth < 6 ? cortex : depth > 10 ? medulla : cortex + ((medulla - cortex) * (depth - 6)) / 4;

function textures(random: Random) {
  return {
    coarse: waves(random, 1, 45),
    fine: waves(random, 1, 17, 5),
    /** Above this (y, mm) a stomach holds gas: the patient lies on the back. */
    gasLevel: random.chance(0.6) ? random.uniform(48, 75) : 200,
  };
}
