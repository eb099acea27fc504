/**
 * Where an NRRD file's voxels lie: which of its axes are those of space, and the affine over them. The world is RAS+ mm here, whatever
 * the file's own; without an anatomical space the numbers are taken as LPS, as ITK and 3D Slicer do.
 */
import { FormatError, GeometryError } from "@rfmedsam/base";
import { affineProblem } from "../../geometry.js";
import type { Affine } from "../../volume.js";
import { type NrrdHeader, numbersIn } from "./header.js";

export interface NrrdGeometry {
  /** The axes of i, j, k by their number in the file; for a 2D image two. */
  readonly spatial: readonly number[];
  readonly affine: Affine;
  readonly warnings: readonly string[];
}

type Vector = readonly number[];

/** Signs that lead to RAS, by the name of the space (without `-time`); undefined for spaces that say nothing about a patient. */
const spaces: Readonly<Record<string, Vector | undefined>> = {
  "right-anterior-superior": [1, 1, 1],
  ras: [1, 1, 1],
  "left-anterior-superior": [-1, 1, 1],
  las: [-1, 1, 1],
  "left-posterior-superior": [-1, -1, 1],
  lps: [-1, -1, 1],
};
const lps: Vector = [-1, -1, 1];

const millimetres: Readonly<Record<string, number>> = {
  mm: 1,
  millimeter: 1,
  millimeters: 1,
  cm: 10,
  m: 1000,
  um: 0.001,
  µm: 0.001,
  micron: 0.001,
  microns: 0.001,
};

/** Kinds of axes that are of space, or may be: those that say nothing. */
const spatialKinds = new Set(["domain", "space", "???", "none"]);

/** @throws FormatError when not two or three axes are of space; GeometryError for directions that are no directions */
export function nrrdGeometry({ fields, sizes }: NrrdHeader, file?: string): NrrdGeometry {
  const warnings: string[] = [];
  const directions = directionsOf(fields, sizes.length, file);
  const spatial = spatialAxes(fields, directions, sizes, file);
  const { signs, unit } = worldOf(fields, warnings);
  const columns =
    directions === undefined
      ? spacingColumns(fields, spatial, sizes.length, warnings, file)
      : spatial.map((axis) => directions[axis]!);
  if (columns.length === 2) columns.push(acrossOf(columns, warnings));
  const origin = originOf(fields, spatial, sizes.length, file);
  const rows = [0, 1, 2].flatMap((row) =>
    [...columns, origin].map((column) => (column[row] ?? 0) * signs[row]! * unit + 0),
  );
  const affine = [...rows, 0, 0, 0, 1];
  const problem = affineProblem(affine);
  if (problem !== undefined) {
    throw new GeometryError({ file, found: problem, expected: "three independent space directions and an origin" });
  }
  return { spatial, affine, warnings };
}

function directionsOf(
  fields: ReadonlyMap<string, string>,
  dimension: number,
  file?: string,
): (Vector | undefined)[] | undefined {
  const text = fields.get("space directions");
  if (text === undefined) return undefined;
  const words = text.match(/none|\([^()]*\)/gi) ?? [];
  const vectors = words.map((word) => (word.startsWith("(") ? numbersIn(word, /[(),\s]+/) : undefined));
  const lengths = new Set(vectors.flatMap((vector) => (vector === undefined ? [] : [vector.length])));
  if (vectors.length !== dimension || lengths.size > 1 || [...lengths].some((length) => length < 2 || length > 4)) {
    throw new FormatError({
      file,
      found: `space directions: ${text.slice(0, 100)}`,
      expected: `${dimension} vectors such as (0,0,1), or "none" for an axis that is not of space`,
    });
  }
  return vectors;
}

function spatialAxes(
  fields: ReadonlyMap<string, string>,
  directions: readonly (Vector | undefined)[] | undefined,
  sizes: readonly number[],
  file?: string,
): number[] {
  const kinds = fields.get("kinds")?.toLowerCase().split(/\s+/);
  const axes = [...sizes.keys()].filter((axis) =>
    directions === undefined ? spatialKinds.has(kinds?.[axis] ?? "???") : leadsThroughSpace(directions[axis]),
  );
  // Without directions or kinds a further axis of length 1 is a leftover.
  const needed =
    directions === undefined && axes.length > 3 ? axes.filter((axis) => axis < 3 || sizes[axis]! > 1) : axes;
  if (needed.length === 2 || needed.length === 3) return needed;
  throw new FormatError({
    file,
    found: `${needed.length} axes of space among ${sizes.length} (sizes ${sizes.join(" ")})`,
    expected: "a 3D image, or one slice",
    hint: "save one file per time point or channel",
  });
}

/** In a space with time (vectors of four) an axis may lead through time alone. */
function leadsThroughSpace(direction: Vector | undefined): boolean {
  return direction !== undefined && (direction.length < 4 || direction.slice(0, 3).some((step) => step !== 0));
}

function worldOf(fields: ReadonlyMap<string, string>, warnings: string[]): { signs: Vector; unit: number } {
  const space = fields.get("space")?.toLowerCase();
  const signs = space === undefined ? undefined : spaces[space.replace(/-time$/, "").replace(/^(ras|las|lps)t$/, "$1")];
  if (signs === undefined) {
    const what = space === undefined ? "no patient axes are named" : `the space "${space}" names no patient axes`;
    warnings.push(`${what}: taken as left, posterior, superior (LPS), as ITK does`);
  }
  const words = [...(fields.get("space units") ?? fields.get("units") ?? "").matchAll(/"([^"]*)"/g)];
  const named = [...new Set(words.map(([, word]) => word!.toLowerCase()).filter((word) => word !== ""))];
  const unit = named.length === 1 ? millimetres[named[0]!] : 1;
  if (unit === undefined || named.length > 1) {
    warnings.push(`the length unit ${named.map((word) => `"${word}"`).join(", ")} is taken as mm`);
  }
  return { signs: signs ?? lps, unit: unit ?? 1 };
}

function spacingColumns(
  fields: ReadonlyMap<string, string>,
  spatial: readonly number[],
  dimension: number,
  warnings: string[],
  file?: string,
): Vector[] {
  const text = fields.get("spacings");
  const spacings = text === undefined ? [] : numbersIn(text, /\s+/);
  if (text === undefined) {
    warnings.push("neither space directions nor spacings: voxels are taken as 1 mm wide");
  } else if (spacings.length !== dimension) {
    throw new FormatError({ file, found: `spacings: ${text.slice(0, 80)}`, expected: `${dimension} numbers` });
  }
  return spatial.map((axis, n) => [0, 1, 2].map((row) => (row === n ? (text === undefined ? 1 : spacings[axis]!) : 0)));
}

/** The third direction of a single slice: at right angles to the others, 1 mm. */
function acrossOf([a, b]: readonly Vector[], warnings: string[]): Vector {
  const [ax, ay, az] = [0, 1, 2].map((row) => a![row] ?? 0) as [number, number, number];
  const [bx, by, bz] = [0, 1, 2].map((row) => b![row] ?? 0) as [number, number, number];
  const across = [ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx];
  const length = Math.hypot(...across);
  warnings.push("a single slice without a thickness: taken as 1 mm thick");
  return across.map((value) => value / length);
}

function originOf(
  fields: ReadonlyMap<string, string>,
  spatial: readonly number[],
  dimension: number,
  file?: string,
): Vector {
  const text = fields.get("space origin");
  if (text !== undefined) {
    const origin = numbersIn(text, /[(),\s]+/);
    if (origin.length >= 2 && origin.length <= 4) return origin;
    throw new FormatError({ file, found: `space origin: ${text.slice(0, 80)}`, expected: "a point such as (0,0,0)" });
  }
  const mins = numbersIn(fields.get("axis mins") ?? "", /\s+/);
  if (mins.length !== dimension || fields.has("space directions")) return [0, 0, 0];
  return spatial.map((axis) => (Number.isFinite(mins[axis]) ? mins[axis]! : 0));
}
