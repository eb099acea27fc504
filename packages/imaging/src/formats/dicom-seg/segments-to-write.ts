/** The list of segments to write: names and values, and what follows from the names (codes, colours). */
import { ConfigError } from "@rfmedsam/base";
import { paletteColour, type Rgb } from "./colour.js";
import { type Concept, conceptOf } from "./concepts.js";

export interface SegmentToWrite {
  readonly label: string;
  /** Values of its voxels in the label volume, 1 to 255; several for a region. */
  readonly values: readonly number[];
  readonly description?: string | undefined;
  /** Default: by the label's name (`conceptOf`). */
  readonly concept?: Concept | undefined;
  /** Default: by its place in the list. */
  readonly colour?: Rgb | undefined;
}

export type ListedSegment = SegmentToWrite & { readonly concept: Concept; readonly colour: Rgb };

/** DICOM's Segment Label has no room for more. */
const longestLabel = 64;

/**
 * @param segments a list, or names and values as in `dataset.json`: `{ liver: 1, spleen: 2 }`; the background (0) is left out, the
 *   others are ordered by value
 * @throws ConfigError if there is none, or a name or value is impossible
 */
export function segmentsToWrite(
  segments: readonly SegmentToWrite[] | Readonly<Record<string, number | readonly number[]>>,
  file: string | undefined,
): ListedSegment[] {
  const list = Array.isArray(segments)
    ? (segments as readonly SegmentToWrite[])
    : fromNames(segments as Readonly<Record<string, number | readonly number[]>>);
  const refuse = (found: string, expected: string): never => {
    throw new ConfigError({ file, found, expected });
  };
  if (list.length === 0) refuse("an empty list of labels", "at least one label beside the background");
  const names = new Set(list.map(({ label }) => label));
  if (names.size < list.length) refuse("two labels of one name", "a name for each label");
  return list.map((segment, index) => {
    const { label, values, description, concept = conceptOf(label), colour = paletteColour(index) } = segment;
    if (label.trim() === "") refuse("a label without a name", "a name for each label");
    if (values.length === 0 || !values.every((value) => Number.isInteger(value) && value >= 1 && value <= 255)) {
      refuse(`the label "${label}" with the values ${values.join(", ") || "(none)"}`, "whole numbers from 1 to 255");
    }
    // A name that would be cut is kept whole in the description.
    const whole = description ?? ([...label].length > longestLabel ? label : undefined);
    return { label, values, description: whole, concept, colour };
  });
}

function fromNames(names: Readonly<Record<string, number | readonly number[]>>): SegmentToWrite[] {
  return Object.entries(names)
    .map(([label, value]) => ({ label, values: typeof value === "number" ? [value] : value }))
    .filter(({ values }) => !(values.length === 1 && values[0] === 0))
    .sort((a, b) => a.values.length - b.values.length || a.values[0]! - b.values[0]!);
}
