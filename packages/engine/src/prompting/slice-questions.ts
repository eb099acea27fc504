/** Prompts in a volume's voxel indices, brought to its slices. */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import type { Triple, Volume } from "@rfmedsam/imaging";
import type { BoxPrompt, GivenPrompts, MaskPrompt, ObjectQuestion, PlacedPrompt, PointPrompt } from "./prompts.js";
import { checkedBox, questionsOf } from "./prompts.js";

export interface SliceQuestion extends ObjectQuestion {
  readonly slice: number;
}

/** For each array axis that slices are stacked along: which of i, j, k counts the slices, the columns and the rows. */
const roles = [
  { slice: 2, column: 0, row: 1 },
  { slice: 1, column: 0, row: 2 },
  { slice: 0, column: 1, row: 2 },
] as const;

/** Rows and columns of a slice. */
export function sliceSize({ shape }: Pick<Volume, "shape">, axis: 0 | 1 | 2): { height: number; width: number } {
  const { row, column } = roles[axis];
  return { height: extent(shape, row), width: extent(shape, column) };
}

/** Labels are bytes. */
const mostObjects = 255;

/** How many voxels lie along i, j or k. */
const extent = (shape: Triple, ijk: 0 | 1 | 2) => shape[2 - ijk]!;

/**
 * One question per slice and object, slices in order.
 *
 * @param usual slice of boxes and masks that name none
 * @throws ConfigError for prompts that lie outside, name no slice, or are too many for one object; GeometryError for slices that are none
 *   and masks of another size
 */
export function questionsOnSlices(
  volume: Pick<Volume, "shape">,
  axis: 0 | 1 | 2,
  { points = [], boxes = [], masks = [] }: GivenPrompts,
  usual: number | undefined,
): SliceQuestion[] {
  const odd = [...points, ...boxes, ...masks].find(({ object }) => !(object >= 1 && object <= mostObjects));
  if (odd !== undefined) {
    throw new ConfigError({
      found: `object ${odd.object}`,
      expected: `a number from 1 to ${mostObjects}: it becomes a label`,
    });
  }
  const place = { shape: volume.shape, axis, usual };
  const placed = [
    ...points.map((point) => placedPoint(point, place)),
    ...boxes.map((box) => placedBox(box, place)),
    ...masks.map((mask) => placedMask(mask, place)),
  ];
  if (usual !== undefined) checkedSlice("prompts", usual, place);
  const slices = [...new Set(placed.map(({ slice }) => slice))].sort((a, b) => a - b);
  return slices.flatMap((slice) => {
    const here = placed.filter((each) => each.slice === slice).map(({ prompt }) => prompt);
    return questionsOf(here, ` on slice ${slice}`).map((question) => ({ ...question, slice }));
  });
}

interface Place {
  readonly shape: Triple;
  readonly axis: 0 | 1 | 2;
  readonly usual: number | undefined;
}

interface OnSlice {
  readonly slice: number;
  readonly prompt: PlacedPrompt;
}

function placedPoint({ object, at, label }: PointPrompt, { shape, axis }: Place): OnSlice {
  const size = [0, 1, 2].map((ijk) => extent(shape, ijk as 0 | 1 | 2));
  const inside = at.length === 3 && at.every((index, ijk) => index >= -0.5 && index <= size[ijk]! - 0.5);
  if (!inside) {
    throw new ConfigError({
      found: `a point at (${at.map((index) => Number(index.toFixed(2))).join(", ")})`,
      expected: `three voxel indices x, y, z of the volume, from 0 to ${size.map((count) => count - 1).join(", ")}`,
      hint: "indices count the voxels as they are stored; a viewer's millimetres are something else",
    });
  }
  const { slice, column, row } = roles[axis];
  // Half a voxel outside the middle of the first one is still that voxel.
  const [x, y] = [Math.max(0, at[column]!), Math.max(0, at[row]!)];
  return { slice: nearest(at[slice]!, size[slice]!), prompt: { kind: "point", object, at: [x, y], label } };
}

const nearest = (index: number, count: number) => Math.min(count - 1, Math.max(0, Math.round(index)));

function placedBox({ object, box, slice }: BoxPrompt, place: Place): OnSlice {
  const { height, width } = sliceSize(place, place.axis);
  const [x0, y0, x1, y1] = checkedBox(box);
  if (!(x0 >= 0 && y0 >= 0 && x1 < width && y1 < height)) {
    throw new ConfigError({
      found: `a box from (${x0}, ${y0}) to (${x1}, ${y1})`,
      expected: `corners inside the slice: columns 0 to ${width - 1}, rows 0 to ${height - 1}`,
    });
  }
  return { slice: checkedSlice("a box", slice, place), prompt: { kind: "box", object, box } };
}

function placedMask({ object, mask, slice }: MaskPrompt, place: Place): OnSlice {
  const { height, width } = sliceSize(place, place.axis);
  if (mask.height !== height || mask.width !== width) {
    throw new GeometryError({
      found: `a mask of ${mask.width}×${mask.height} pixels`,
      expected: `the slice's ${width}×${height}`,
      hint: "a mask has a pixel for every voxel of its slice",
    });
  }
  return { slice: checkedSlice("a mask", slice, place), prompt: { kind: "mask", object, mask } };
}

function checkedSlice(what: string, named: number | undefined, { shape, axis, usual }: Place): number {
  const slice = named ?? usual;
  const count = shape[axis];
  if (slice === undefined) {
    throw new ConfigError({ found: `${what} without a slice`, expected: `the number of its slice, 0 to ${count - 1}` });
  }
  if (Number.isInteger(slice) && slice >= 0 && slice < count) return slice;
  throw new GeometryError({ found: `${what} on slice ${slice}`, expected: `a slice from 0 to ${count - 1}` });
}
