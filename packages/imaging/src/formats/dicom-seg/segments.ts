/** The list of segments in a segmentation object. Source: DICOM PS3.3 C.8.20.2 and C.8.20.4. */
import { FormatError } from "@rfmedsam/base";
import { type Dataset, type Decoder, itemsOf, textOf, wordOf } from "../dicom/values.js";
import { type Rgb, rgbOfLab } from "./colour.js";
import type { Code } from "./concepts.js";
import { tagOf } from "./dictionary.js";

export interface DicomSegment {
  readonly number: number;
  readonly label: string;
  readonly description?: string | undefined;
  /** What kind of thing it is: anatomical structure, tissue, altered structure … */
  readonly category?: Code | undefined;
  /** What it is: liver, neoplasm … */
  readonly type?: Code | undefined;
  readonly modifiers: readonly Code[];
  /** Where a finding lies. */
  readonly region?: Code | undefined;
  readonly regionModifiers: readonly Code[];
  readonly colour?: Rgb | undefined;
  /** `AUTOMATIC`, `SEMIAUTOMATIC` or `MANUAL`. */
  readonly algorithmType?: string | undefined;
  readonly algorithmName?: string | undefined;
}

/** @throws FormatError if a segment has no number or shares it with another */
export function segmentsOf(dataset: Dataset, decoder: Decoder, file: string | undefined): DicomSegment[] {
  const segments = itemsOf(dataset, tagOf("SegmentSequence")).map((item) => segmentOf(item, decoder, file));
  const numbers = new Set(segments.map(({ number }) => number));
  if (segments.length === 0 || numbers.size < segments.length) {
    throw new FormatError({
      file,
      found: segments.length === 0 ? "no list of segments" : "several segments of one number",
      expected: "segments, each with a number of its own",
      hint: "export the segmentation again",
    });
  }
  return segments;
}

function segmentOf(item: Dataset, decoder: Decoder, file: string | undefined): DicomSegment {
  const number = wordOf(item, tagOf("SegmentNumber"));
  if (number === undefined) {
    throw new FormatError({ file, found: "a segment without a number", hint: "export the segmentation again" });
  }
  const text = (name: Parameters<typeof tagOf>[0]) => textOf(item, tagOf(name), decoder);
  const type = itemsOf(item, tagOf("SegmentedPropertyTypeCodeSequence"))[0];
  const region = itemsOf(item, tagOf("AnatomicRegionSequence"))[0];
  return {
    number,
    label: text("SegmentLabel") ?? `segment ${number}`,
    description: text("SegmentDescription"),
    category: codesOf(item, "SegmentedPropertyCategoryCodeSequence", decoder)[0],
    type: type && codeOf(type, decoder),
    modifiers: type === undefined ? [] : codesOf(type, "SegmentedPropertyTypeModifierCodeSequence", decoder),
    region: region && codeOf(region, decoder),
    regionModifiers: region === undefined ? [] : codesOf(region, "AnatomicRegionModifierSequence", decoder),
    colour: colourOf(item),
    algorithmType: text("SegmentAlgorithmType"),
    algorithmName: text("SegmentAlgorithmName"),
  };
}

function codesOf(item: Dataset, sequence: Parameters<typeof tagOf>[0], decoder: Decoder): Code[] {
  return itemsOf(item, tagOf(sequence)).map((code) => codeOf(code, decoder));
}

function codeOf(item: Dataset, decoder: Decoder): Code {
  return {
    value: textOf(item, tagOf("CodeValue"), decoder) ?? "",
    scheme: textOf(item, tagOf("CodingSchemeDesignator"), decoder) ?? "",
    meaning: textOf(item, tagOf("CodeMeaning"), decoder) ?? "",
  };
}

function colourOf(item: Dataset): Rgb | undefined {
  const tag = tagOf("RecommendedDisplayCIELabValue");
  if ((item.elements[tag]?.length ?? 0) < 6 || wordOf(item, tag) === undefined) return undefined;
  return rgbOfLab([item.uint16(tag, 0) ?? 0, item.uint16(tag, 1) ?? 0, item.uint16(tag, 2) ?? 0]);
}
