/**
 * One random patient: the bodies of an abdomen in the order they are painted, later ones over earlier ones.
 *
 * Positions and sizes are those of an average adult read off anatomy atlases, in mm around the middle of the abdomen; every
 * number then varies from patient to patient. What is drawn has no claim beyond looking like an abdomen to a network.
 */
import type { Random } from "@rfmedsam/base";
import type { Organ } from "./organs.js";
import {
  deform,
  ellipsoid,
  grown,
  intersect,
  type Point,
  type Shape,
  type Station,
  subtract,
  tube,
  union,
  waves,
} from "./shapes.js";
import type { Material, Structure } from "./structure.js";
import { type Torso, torso } from "./torso.js";

export interface AnatomyOptions {
  /** Probability that spleen, gallbladder or one kidney is missing. */
  readonly absence: number;
}

/** The structures of one patient, in painting order. */
export function makeAnatomy(random: Random, { absence }: AnatomyOptions): Structure[] {
  const body = torso(random);
  const builder = new Builder(random, body, absence);
  const shapes = builder.organs();
  return [
    ...body.structures,
    ...builder.bowel(),
    ...shapes.behind,
    ...body.spine,
    ...shapes.front,
    ...builder.inLiver(),
    ...body.lungs,
  ];
}

class Builder {
  readonly #random: Random;
  readonly #torso: Torso;
  readonly #absence: number;

  constructor(random: Random, body: Torso, absence: number) {
    this.#random = random;
    this.#torso = body;
    this.#absence = absence;
  }

  /** Organs, those that others may cover first. */
  organs(): { behind: Structure[]; front: Structure[] } {
    const spleen = this.#isThere() ? this.#spleen() : [];
    const rightKidney = this.#isThere() ? this.#kidney("right_kidney", 1) : [];
    const leftKidney = this.#isThere() ? this.#kidney("left_kidney", -1) : [];
    const gallbladder = this.#isThere() ? this.#gallbladder() : [];
    return {
      behind: [...this.#pancreas(), ...this.#veins(), ...this.#stomach()],
      front: [...spleen, ...this.#liver(), ...rightKidney, ...leftKidney, ...this.#aorta(), ...gallbladder],
    };
  }

  #isThere(): boolean {
    return !this.#random.chance(this.#absence);
  }

  /** A number around its mean; `spread` is about two standard deviations. */
  #near(mean: number, spread: number): number {
    return mean + spread * Math.max(-1.3, Math.min(1.3, this.#random.normal(0, 0.5)));
  }

  #nearPoint([x, y, z]: Point, spread: number): Point {
    return [this.#near(x, spread), this.#near(y, spread), this.#near(z, spread)];
  }

  #structure(shape: Shape, material: Material, organ?: Organ): Structure {
    return { ...shape, material, tint: this.#random.uniform(-1, 1), ...(organ === undefined ? {} : { organ }) };
  }

  #wavy(shape: Shape, amplitude: number, wavelength: number): Shape {
    return deform(shape, waves(this.#random, amplitude, wavelength), amplitude);
  }

  /** Kept `gap` mm inside the abdominal wall and below the diaphragm. */
  #inCavity(shape: Shape, gap: number): Shape {
    const { cavity, diaphragm } = this.#torso;
    return intersect(shape, (x, y, z) => Math.max(cavity(x, y, z) + gap, z + gap - diaphragm(x, y)));
  }

  #liver(): Structure[] {
    const size = this.#near(1, 0.12);
    const right = ellipsoid({
      centre: this.#nearPoint([74, -4, 34], 7),
      radii: [this.#near(60, 6) * size, this.#near(78, 7) * size, this.#near(78, 14) * size],
      turn: [this.#near(0, 10), this.#near(14, 10), this.#near(0, 12)],
      exponent: 2.3,
    });
    const left = ellipsoid({
      centre: this.#nearPoint([-2, 44, 50], 8),
      radii: [this.#near(64, 16) * size, this.#near(33, 6) * size, this.#near(30, 7) * size],
      turn: [this.#near(-20, 10), this.#near(12, 12), this.#near(-8, 12)],
      exponent: 2.2,
    });
    const fissure = ellipsoid({
      centre: this.#nearPoint([24, 66, 22], 6),
      radii: [this.#near(5, 2), this.#near(28, 8), this.#near(34, 8)],
      turn: [0, 0, this.#near(15, 12)],
    });
    // Where the right kidney and the colon press into the lower surface.
    const impression = ellipsoid({
      centre: this.#nearPoint([54, -52, -36], 7),
      radii: [this.#near(38, 6), this.#near(36, 6), this.#near(66, 10)],
    });
    const lobes = subtract(this.#wavy(union(right, left, 28), 6, 70), fissure.field, 6);
    const whole = subtract(lobes, impression.field, 10);
    return [this.#structure(this.#inCavity(whole, this.#near(3, 1.5)), "liver", "liver")];
  }

  #spleen(): Structure[] {
    const size = this.#near(1, 0.2);
    const centre = this.#nearPoint([-96, -38, 44], 8);
    const outer = ellipsoid({
      centre,
      radii: [this.#near(34, 5) * size, this.#near(50, 8) * size, this.#near(56, 10) * size],
      turn: [this.#near(-18, 14), this.#near(-12, 10), this.#near(-14, 14)],
    });
    const hollow = ellipsoid({
      centre: [centre[0] + this.#near(50, 6), centre[1] + this.#near(16, 8), centre[2] - 2],
      radii: [this.#near(34, 6), this.#near(46, 8), this.#near(60, 8)],
    });
    const shape = this.#wavy(subtract(outer, hollow.field, 8), 4, 55);
    return [this.#structure(this.#inCavity(shape, this.#near(3, 1.5)), "spleen", "spleen")];
  }

  /** @param side +1 right, −1 left */
  #kidney(organ: "right_kidney" | "left_kidney", side: 1 | -1): Structure[] {
    const size = this.#near(1, 0.13);
    const centre = this.#nearPoint([side * 61, -44, side > 0 ? -24 : -12], 8);
    const lean = this.#near(12, 8);
    const bean = ellipsoid({
      centre,
      radii: [this.#near(27, 3) * size, this.#near(24, 3) * size, this.#near(54, 6) * size],
      turn: [this.#near(-8, 8), -side * lean, side * this.#near(-25, 12)],
      exponent: 2.15,
    });
    const hilum = ellipsoid({
      centre: [centre[0] - side * this.#near(25, 4), centre[1] + this.#near(9, 4), centre[2] + this.#near(0, 6)],
      radii: [this.#near(17, 4), this.#near(9, 3), this.#near(19, 5)],
      turn: [0, 0, side * this.#near(-25, 12)],
    });
    const shape = this.#wavy(subtract(bean, hilum.field, 5), 2.5, 40);
    const capsule = this.#near(4, 5);
    const around: Shape = {
      field: (x, y, z) => shape.field(x, y, z) - capsule,
      box: grown(shape.box, Math.max(0, capsule)),
    };
    const cysts = this.#random.chance(0.15) ? [this.#blobIn(centre, [20, 18, 40], [7, 16], organ)] : [];
    return [
      ...(capsule > 0.5 ? [this.#structure(this.#inCavity(around, 1), "fat")] : []),
      this.#structure(shape, "kidney", organ),
      ...cysts,
    ];
  }

  #stomach(): Structure[] {
    const fill = this.#near(1, 0.35);
    const shift = this.#nearPoint([0, 0, 0], 9);
    const stations: readonly Station[] = [
      [-52, -8, 68, 30],
      [-60, 20, 48, 32],
      [-62, 48, 12, 28],
      [-34, 62, -10, 22],
      [-4, 58, -12, 16],
      [16, 48, 0, 10],
    ];
    const bent = stations.map(
      ([x, y, z, r]): Station => [
        this.#near(x + shift[0], 8),
        this.#near(y + shift[1], 8),
        this.#near(z + shift[2], 9),
        Math.max(8, this.#near(r * fill, 3)),
      ],
    );
    const shape = this.#inCavity(this.#wavy(tube(bent), 4, 45), this.#near(4, 2));
    return [this.#structure(shape, "stomach", "stomach")];
  }

  #aorta(): Structure[] {
    const radius = this.#near(10.5, 3);
    const [x, sway] = [this.#near(-9, 5), this.#near(0, 6)];
    const stations: readonly Station[] = [
      [x - 6, -34, 150, radius * 1.15],
      [x - 3 + sway * 0.4, -30, 80, radius * 1.1],
      [x + sway, -27, 30, radius],
      [x + 3 - sway * 0.6, -25, -30, radius * 0.9],
      [x + 6 + sway * 0.3, -25, -90, radius * 0.82],
      [x + 8, -27, -150, radius * 0.78],
    ];
    return [this.#structure(tube(stations, 3), "aorta", "aorta")];
  }

  #veins(): Structure[] {
    const radius = this.#near(11, 3);
    const cava: readonly Station[] = [
      [24, -14, 150, radius * 1.1],
      [this.#near(24, 4), -16, 60, radius * 1.1],
      [this.#near(23, 4), -22, 0, radius],
      [this.#near(20, 4), -26, -70, radius * 0.9],
      [18, -28, -150, radius * 0.9],
    ];
    const portal: readonly Station[] = [
      [this.#near(-48, 8), -4, this.#near(18, 6), 5],
      [0, 16, this.#near(8, 5), 6.5],
      [this.#near(26, 5), 12, 16, 7.5],
      [48, 6, 28, 7],
    ];
    return [this.#structure(tube(portal, 3), "vein"), this.#structure(tube(cava, 3), "vein", "inferior_vena_cava")];
  }

  #pancreas(): Structure[] {
    const size = this.#near(1, 0.25);
    const stations: readonly Station[] = [
      [38, 14, -24, 11],
      [34, 24, -8, 14],
      [12, 32, 4, 10],
      [-18, 20, 14, 10],
      [-48, 2, 22, 10],
      [-72, -14, 30, 8],
    ];
    const bent = stations.map(
      ([x, y, z, r]): Station => [this.#near(x, 6), this.#near(y, 5), this.#near(z, 7), this.#near(r * size, 1.5)],
    );
    return [this.#structure(this.#wavy(tube(bent), 2.5, 22), "pancreas", "pancreas")];
  }

  #gallbladder(): Structure[] {
    const size = this.#near(1, 0.3);
    const fundus = this.#nearPoint([54, 50, -22], 7);
    const stations: readonly Station[] = [
      [fundus[0], fundus[1], fundus[2], 14 * size],
      [fundus[0] - 6, fundus[1] - 14, fundus[2] + 14, 12 * size],
      [fundus[0] - 14, fundus[1] - 28, fundus[2] + 26, 6 * size],
    ];
    return [this.#structure(this.#inCavity(this.#wavy(tube(stations), 2, 30), 4), "gallbladder", "gallbladder")];
  }

  /** Vessels and, now and then, lesions: the liver is no uniform body. */
  inLiver(): Structure[] {
    const vessels = Array.from({ length: 5 }, (): Structure => {
      const end = this.#nearPoint([this.#random.uniform(40, 115), this.#random.uniform(-55, 55), 35], 20);
      const stations: readonly Station[] = [
        [this.#near(32, 8), this.#near(-4, 10), this.#near(40, 25), 5],
        [(end[0] + 34) / 2, this.#near(end[1] / 2, 10), this.#near((end[2] + 40) / 2, 10), 4],
        [...end, 2],
      ];
      return { ...this.#structure(tube(stations, 3), "liverVessel"), inside: "liver" };
    });
    const lesions = this.#random.chance(0.3) ? 1 + this.#random.below(3) : 0;
    return [
      ...vessels,
      ...Array.from({ length: lesions }, () => this.#blobIn([75, 0, 25], [40, 45, 40], [6, 16], "liver")),
    ];
  }

  #blobIn(centre: Point, reach: Point, [small, large]: readonly [number, number], organ: Organ): Structure {
    const at: Point = [
      centre[0] + this.#random.uniform(-reach[0], reach[0]),
      centre[1] + this.#random.uniform(-reach[1], reach[1]),
      centre[2] + this.#random.uniform(-reach[2], reach[2]),
    ];
    const size = this.#random.uniform(small, large);
    const radii: Point = [size, this.#near(size, size * 0.2), this.#near(size, size * 0.2)];
    return { ...this.#structure(ellipsoid({ centre: at, radii }), "lesion"), inside: organ };
  }

  /** Colon and loops of small bowel: unlabelled neighbours that look like stomach. */
  bowel(): Structure[] {
    return [...this.#colon(), ...Array.from({ length: 18 + this.#random.below(10) }, () => this.#loop())];
  }

  #loop(): Structure {
    const from: Point = [this.#random.uniform(-85, 85), this.#random.uniform(-8, 70), this.#random.uniform(-130, 0)];
    const radius = this.#random.uniform(8, 15);
    const stations: Station[] = [[...from, radius]];
    let at = from;
    for (let i = 0; i < 2; i++) {
      at = this.#nearPoint(at, 42);
      stations.push([...at, this.#near(radius, 3)]);
    }
    return this.#structure(this.#inCavity(this.#wavy(tube(stations, 3), 2, 25), 4), "bowel");
  }

  #colon(): Structure[] {
    const stations: readonly Station[] = [
      [98, -12, -150, 24],
      [102, -14, -80, 24],
      [98, -6, -38, 22],
      [72, 44, -40, 19],
      [20, 72, -52, 18],
      [-40, 72, -38, 18],
      [-88, 30, -2, 17],
      [-106, -6, 2, 17],
      [-108, -24, -50, 16],
      [-104, -14, -150, 15],
    ];
    const size = this.#near(1, 0.25);
    const bent = stations.map(
      ([x, y, z, r]): Station => [this.#near(x, 9), this.#near(y, 9), this.#near(z, 12), this.#near(r * size, 3)],
    );
    return [this.#structure(this.#inCavity(this.#wavy(tube(bent, 3), 4, 26), 3), "colon")];
  }
}
