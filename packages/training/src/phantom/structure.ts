/** What a phantom is built of: bodies with a material, some of them organs. */
import type { Organ } from "./organs.js";
import type { Shape } from "./shapes.js";

/** What a body is made of; `intensity.ts` says how that looks in CT and MR. */
export type Material =
  | "fat"
  | "muscle"
  | "bone"
  | "disc"
  | "fluid"
  | "lung"
  | "table"
  | "heart"
  | "liver"
  | "spleen"
  | "kidney"
  | "stomach"
  | "aorta"
  | "vein"
  | "liverVessel"
  | "lesion"
  | "gallbladder"
  | "pancreas"
  | "bowel"
  | "colon";

export interface Structure extends Shape {
  readonly material: Material;
  /** The organ its voxels belong to; none: they become background. */
  readonly organ?: Organ;
  /** Painted on voxels of this organ only, which stay the organ's (a vessel or a lesion inside it). */
  readonly inside?: Organ;
  /** This body's own place between darker (−1) and brighter (1) ones of its material. */
  readonly tint: number;
}
