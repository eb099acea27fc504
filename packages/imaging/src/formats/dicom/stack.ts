/**
 * Frames of a series → slices in order on one grid, with a sentence for everything unusual. Slices are sorted by their position along the
 * normal `cross(along, down)`; file names and instance numbers say nothing. The step from slice to slice is the true one, first position
 * to last: tilted (a gantry) if the positions are. Works in DICOM's LPS+ mm. Source: DICOM PS3.3 C.7.6.2.
 */
import { GeometryError } from "@rfmedsam/base";
import type { Point } from "../../geometry.js";
import type { FrameHeader, ImageHeader } from "./image-header.js";
import { withoutScreens } from "./not-slices.js";
import { median, tilt, unevenness } from "./unevenness.js";
import { cross, distance, dot, length, minus, scaled } from "./vectors.js";

export interface Slice {
  readonly image: ImageHeader;
  readonly frame: FrameHeader;
}

/** Slices on a grid: slice k, row j, column i lies at `origin + i·column + j·row + k·step` (LPS+ mm). */
export interface Stack {
  readonly slices: readonly Slice[];
  readonly column: Point;
  readonly row: Point;
  readonly step: Point;
  readonly origin: Point;
  /** Files that came twice; their pixels have to be the same. */
  readonly copies: readonly { readonly kept: Slice; readonly copy: Slice }[];
  readonly warnings: readonly string[];
}

/** @throws FormatError if the images are no slices; GeometryError if they do not form one volume */
export function stackSlices(headers: readonly ImageHeader[], where: string): Stack {
  const warnings: string[] = [];
  const images = withoutScreens(headers, where, warnings);
  const all = images.flatMap((image) => image.frames.map((frame): Slice => ({ image, frame })));
  const { slices: once, copies } = withoutCopies(all, warnings);
  const placed = once.filter(({ frame }) => frame.position !== undefined && frame.along !== undefined);
  if (placed.length === 0) return { ...stackWithoutPositions(once, where, warnings), copies, warnings };
  if (placed.length < once.length) {
    const missing = once.filter((slice) => !placed.includes(slice));
    throw new GeometryError({
      file: where,
      found: `${missing.length} of ${once.length} images without a position (${names(missing)})`,
      expected: "a position for every image or for none",
      hint: "take the images without a position out of the folder",
    });
  }
  for (const { image, frame } of placed) checkPlane(frame, image.source.name);
  const parallel = withoutLocalizers(placed, where, warnings);
  checkSizes(parallel, where);
  const { along, down, spacing } = parallel[0]!.frame;
  const normal = scaled(cross(along!, down!), 1 / length(cross(along!, down!)));
  const sorted = sortAlong(parallel, normal);
  refuseRepeated(sorted, normal, where);
  const positions = sorted.map(({ frame }) => frame.position!);
  const step = stepOf(sorted, normal, warnings);
  warnings.push(...unevenness(positions, step, normal), ...tilt(positions.length, step, normal, Math.min(...spacing!)));
  return {
    slices: sorted,
    column: scaled(along!, spacing![1]),
    row: scaled(down!, spacing![0]),
    step,
    origin: positions[0]!,
    copies,
    warnings,
  };
}

/** Sets aside files that come twice under the same identifier. */
function withoutCopies(slices: readonly Slice[], warnings: string[]) {
  const seen = new Map<string, Slice>();
  const copies: { kept: Slice; copy: Slice }[] = [];
  const once: Slice[] = [];
  for (const slice of slices) {
    const uid = slice.image.sopInstance;
    const key = uid === undefined ? undefined : `${uid} ${slice.frame.index}`;
    const kept = key === undefined ? undefined : seen.get(key);
    if (kept !== undefined) copies.push({ kept, copy: slice });
    else {
      once.push(slice);
      if (key !== undefined) seen.set(key, slice);
    }
  }
  if (copies.length > 0) {
    const files = names(copies.map(({ copy }) => copy));
    warnings.push(`${copies.length} of the images came twice; the copies were left out (${files}).`);
  }
  return { slices: once, copies };
}

function checkPlane({ position, along, down, spacing }: FrameHeader, file: string): void {
  const numbers = [...position!, ...along!, ...down!].every(Number.isFinite);
  const unit = [along!, down!].every((direction) => Math.abs(length(direction) - 1) < 0.01);
  if (!numbers || !unit || Math.abs(dot(along!, down!)) > 0.01) {
    throw new GeometryError({
      file,
      found: numbers
        ? `the directions ${along!.join(", ")} and ${down!.join(", ")} of rows and columns`
        : "a position or orientation that is not made of numbers",
      expected: numbers ? "two unit vectors at right angles" : "three and six numbers",
      hint: "export the series again",
    });
  }
  checkSpacing(spacing, file);
}

function checkSpacing(spacing: FrameHeader["spacing"], file: string): void {
  if (spacing?.every((value) => Number.isFinite(value) && value > 0)) return;
  throw new GeometryError({
    file,
    found: spacing === undefined ? "no pixel spacing" : `the pixel spacing ${spacing.join(" × ")}`,
    expected: "two positive distances in mm",
    hint: "export the series again, or convert it with its true spacing first",
  });
}

/** Keeps the images of the prevailing orientation. */
function withoutLocalizers(slices: readonly Slice[], where: string, warnings: string[]): readonly Slice[] {
  const groups: Slice[][] = [];
  for (const slice of slices) {
    const group = groups.find(([first]) => sameOrientation(first!.frame, slice.frame));
    if (group === undefined) groups.push([slice]);
    else group.push(slice);
  }
  if (groups.length === 1) return slices;
  const [most, ...others] = groups.sort((a, b) => b.length - a.length);
  const left = others.flat();
  if (left.length >= most!.length) {
    throw new GeometryError({
      file: where,
      found: `images in ${groups.length} orientations (${groups.map((group) => group.length).join(", ")} images)`,
      expected: "parallel slices",
      hint: "put the images of each orientation into a folder of their own",
    });
  }
  warnings.push(
    `${left.length} of the images ${left.length === 1 ? "has" : "have"} another orientation, as localizers do, and ` +
      `${left.length === 1 ? "was" : "were"} left out (${names(left)}).`,
  );
  return most!;
}

function sameOrientation(a: FrameHeader, b: FrameHeader): boolean {
  return distance(a.along!, b.along!) < 0.005 && distance(a.down!, b.down!) < 0.005;
}

function checkSizes(slices: readonly Slice[], where: string): void {
  const count = new Map<string, Slice[]>();
  for (const slice of slices) {
    const { rows, columns } = slice.image.layout;
    const [down, across] = slice.frame.spacing ?? [1, 1];
    const size = `${columns}×${rows} pixels of ${across.toPrecision(4)}×${down.toPrecision(4)} mm`;
    const same = count.get(size);
    if (same === undefined) count.set(size, [slice]);
    else same.push(slice);
  }
  if (count.size === 1) return;
  const sizes = [...count].sort(([, a], [, b]) => b.length - a.length);
  throw new GeometryError({
    file: where,
    found: `images of different sizes: ${sizes.map(([size, of]) => `${of.length} of ${size}`).join(", ")}`,
    expected: "one size and spacing throughout",
    hint: `take the odd ones out of the folder (${names(sizes.slice(1).flatMap(([, of]) => of))})`,
  });
}

function sortAlong(slices: readonly Slice[], normal: Point): Slice[] {
  return slices
    .map((slice) => ({ slice, at: dot(slice.frame.position!, normal) }))
    .sort((a, b) => a.at - b.at)
    .map(({ slice }) => slice);
}

/** Several images at one position are several volumes, or one image too many. */
function refuseRepeated(sorted: readonly Slice[], normal: Point, where: string): void {
  const at = sorted.map(({ frame }) => dot(frame.position!, normal));
  const gaps = at.slice(1).map((value, index) => value - at[index]!);
  const same = 0.01 * (median(gaps.filter((gap) => gap > 0.001)) ?? 0.1);
  const places: Slice[][] = [];
  for (const [index, slice] of sorted.entries()) {
    if (index === 0 || gaps[index - 1]! > same) places.push([slice]);
    else places.at(-1)!.push(slice);
  }
  const times = places[0]!.length;
  if (places.every((place) => place.length === 1)) return;
  if (places.length > 1 && places.every((place) => place.length === times)) {
    throw new GeometryError({
      file: where,
      found: `${times} images at each of ${places.length} positions (${differences(places[0]!)})`,
      expected: "one volume: one image at each position",
      hint: "put the images of each time point, echo or kind into a folder of their own",
    });
  }
  const first = places.find((place) => place.length > 1)!;
  throw new GeometryError({
    file: where,
    found: `${first.length} different images at the same position (${names(first)})`,
    expected: "one image at each position",
    hint: "which of them is right cannot be known: take the others out of the folder",
  });
}

/** In which attribute images at one position differ. */
function differences(place: readonly Slice[]): string {
  for (const name of Object.keys(place[0]!.frame.moments)) {
    const values = new Set(place.map(({ frame }) => frame.moments[name]));
    if (values.size > 1) return `${name} ${[...values].slice(0, 4).join(", ")}`;
  }
  return names(place);
}

/** From slice to slice; for a single one along the normal, as far as its header says. */
function stepOf(sorted: readonly Slice[], normal: Point, warnings: string[]): Point {
  const count = sorted.length;
  const { position, sliceDistance, thickness } = sorted[0]!.frame;
  if (count > 1) return scaled(minus(sorted.at(-1)!.frame.position!, position!), 1 / (count - 1));
  const stated = [sliceDistance, thickness].find((value) => value !== undefined && value > 0);
  warnings.push(
    stated === undefined
      ? "The series has one slice and does not say how thick it is; 1 mm was taken."
      : `The series has one slice; its stated thickness of ${stated} mm was taken as the distance of slices.`,
  );
  return scaled(normal, stated ?? 1);
}

const volumetric = new Set(["CT", "MR", "PT", "NM"]);

/** Without any positions: the order of the instance numbers (or of the frames), and a grid that only has the right distances. */
function stackWithoutPositions(slices: readonly Slice[], where: string, warnings: string[]) {
  const { frame, image } = slices[0]!;
  const modality = image.attributes.modality ?? "";
  const order = slices.map(({ frame }) => frame.instance ?? Number.NaN);
  const several = new Set(slices.map((slice) => slice.image)).size > 1;
  const ordered = !several || (order.every(Number.isFinite) && new Set(order).size === order.length);
  if (!volumetric.has(modality) || !ordered) {
    throw new GeometryError({
      file: where,
      found: `${slices.length} ${modality} images without a position in the patient`,
      expected: "slices of a CT, MR or PET scan with positions",
      hint: "export the original slices of the scan",
    });
  }
  for (const slice of slices) checkSpacing(slice.frame.spacing, slice.image.source.name);
  checkSizes(slices, where);
  const sorted = several ? [...slices].sort((a, b) => a.frame.instance! - b.frame.instance!) : slices;
  const stated = [frame.sliceDistance, frame.thickness].find((value) => value !== undefined && value > 0);
  warnings.push(
    `The images do not say where they lie in the patient: they were ordered by their instance numbers, ${stated ?? 1} mm apart, and ` +
      "placed as plain axial slices. Left, right, head and feet are not to be trusted.",
  );
  const [down, across] = frame.spacing!;
  return {
    slices: sorted,
    column: [across, 0, 0] as Point,
    row: [0, down, 0] as Point,
    step: [0, 0, stated ?? 1] as Point,
    origin: [0, 0, 0] as Point,
  };
}

function names(slices: readonly Slice[]): string {
  const files = [...new Set(slices.map(({ image }) => image.source.name))];
  return files.length > 4 ? `${files.slice(0, 3).join(", ")} and ${files.length - 3} more` : files.join(", ");
}
