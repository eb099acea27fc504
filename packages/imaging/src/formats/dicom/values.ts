/**
 * Values out of a parsed data set. Texts are decoded by the file's own character set (the parser knows Latin-1 only); numbers that
 * are written as text and cannot be read become NaN, for whoever uses them to refuse. Source: DICOM PS3.5 section 6, PS3.3 C.12.1.1.2.
 */
import type { DataSet } from "dicom-parser";
import { tags } from "./tags.js";

export type Dataset = DataSet;
export type Decoder = InstanceType<typeof TextDecoder>;

/** The element's bytes; `undefined` when it is absent, empty or a sequence. */
export function bytesOf(dataset: Dataset, tag: string): Uint8Array | undefined {
  const element = dataset.elements[tag];
  if (element === undefined || element.items !== undefined || element.length <= 0) return undefined;
  const bytes = dataset.byteArray.subarray(element.dataOffset, element.dataOffset + element.length);
  return bytes.length === element.length ? bytes : undefined;
}

/** An element's text without padding; `undefined` when there is none. */
export function textOf(dataset: Dataset, tag: string, decoder: Decoder = latin1): string | undefined {
  const bytes = bytesOf(dataset, tag);
  if (bytes === undefined) return undefined;
  return decoder.decode(bytes).replace(padding, "").trim() || undefined;
}

/** The values of a text with several of them (`a\b\c`); empty when there is none. */
export function textsOf(dataset: Dataset, tag: string): string[] {
  return (
    textOf(dataset, tag)
      ?.split("\\")
      .map((part) => part.trim()) ?? []
  );
}

/** Numbers written as text (DS, IS); NaN for each that is none. Empty when the element is absent. */
export function numbersOf(dataset: Dataset, tag: string): number[] {
  return textsOf(dataset, tag).map((part) => (part === "" ? Number.NaN : Number(part)));
}

export function numberOf(dataset: Dataset, tag: string): number | undefined {
  return numbersOf(dataset, tag)[0];
}

/** A binary 16-bit number (US) in the data set's own byte order. */
export function wordOf(dataset: Dataset, tag: string): number | undefined {
  return (bytesOf(dataset, tag)?.length ?? 0) >= 2 ? dataset.uint16(tag) : undefined;
}

/** The items of a sequence; none when it is absent. */
export function itemsOf(dataset: Dataset, tag: string): Dataset[] {
  return (dataset.elements[tag]?.items ?? []).flatMap(({ dataSet }) => (dataSet === undefined ? [] : [dataSet]));
}

const latin1 = new TextDecoder("latin1");
const padding = /\0+$/;

/** Defined terms of Specific Character Set and the name the decoder has for them. */
const characterSets: Readonly<Record<string, string>> = {
  "ISO_IR 100": "iso-8859-1",
  "ISO_IR 101": "iso-8859-2",
  "ISO_IR 109": "iso-8859-3",
  "ISO_IR 110": "iso-8859-4",
  "ISO_IR 144": "iso-8859-5",
  "ISO_IR 127": "iso-8859-6",
  "ISO_IR 126": "iso-8859-7",
  "ISO_IR 138": "iso-8859-8",
  "ISO_IR 148": "iso-8859-9",
  "ISO_IR 203": "iso-8859-15",
  "ISO_IR 166": "windows-874",
  "ISO_IR 13": "shift_jis",
  "ISO_IR 192": "utf-8",
  GB18030: "gb18030",
  GBK: "gbk",
  "ISO 2022 IR 87": "iso-2022-jp",
  "ISO 2022 IR 149": "euc-kr",
  "ISO 2022 IR 58": "gb18030",
};

/** The decoder for a file's texts: of several character sets the one that goes beyond ASCII. */
export function decoderOf(dataset: Dataset): Decoder {
  for (const term of textsOf(dataset, tags.characterSet).reverse()) {
    const label = characterSets[term] ?? characterSets[term.replace("ISO 2022 IR", "ISO_IR")];
    if (label !== undefined) return new TextDecoder(label);
  }
  return latin1;
}
