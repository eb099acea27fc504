/**
 * Where a case's results go, and what happens to those that are there already:
 *
 *   OUT/CASE.nii.gz                                    the final labels, uint8, on the grid of the image
 *       CASE.seg.dcm                                   the same as a DICOM segmentation, if asked for
 *       step0/CASE.nii.gz  stage1/…  stage2/…          what each stage alone would have said, if asked for
 *       probabilities/CASE/CLASS.nii.gz                per class its probability in percent, if asked for
 *       uncertainty/CASE.nii.gz                        entropy, 0 … 1, if asked for
 *
 * Probabilities are a file a class, in whole percent as uint8: one 3-D volume of small integers is what every viewer shows as an overlay
 * without knowing about a fourth axis or a scale factor, and one class at a time is in memory.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ConfigError, FileError } from "@rfmedsam/base";
import { isDicomPath } from "@rfmedsam/imaging/node";
import type { StageName } from "@rfmedsam/segmenter";
import type { InputCase } from "./input-cases.js";

/** A class of a model and its value in labels. */
export interface LabelClass {
  readonly name: string;
  readonly value: number;
}

/** What is written beside the final labels, and what may be replaced. */
export interface OutputOptions {
  /** Write every stage's own labels, too. */
  readonly stages?: boolean | undefined;
  /** Also write every class's probability. */
  readonly probabilities?: boolean | undefined;
  /** Also write how uncertain the answer is. */
  readonly uncertainty?: boolean | undefined;
  /** Also write `OUT/CASE.seg.dcm`, a DICOM segmentation, for cases that are DICOM series. */
  readonly dicomSeg?: boolean | undefined;
  /**
   * What happens to files that are there already: by default nothing is started, and a FileError names them; `skip` leaves out the cases of
   * which all that is asked for is there, and does the others whole.
   */
  readonly existing?: "refuse" | "overwrite" | "skip" | undefined;
}

/** Where a case's labels go. */
export const fileOf = (output: string, id: string, stage?: StageName) => join(output, stage ?? "", `${id}.nii.gz`);

export const uncertaintyFileOf = (output: string, id: string) => join(output, "uncertainty", `${id}.nii.gz`);

/** A file for every class but the background. Names that are no file names, or the same but for such letters, get their value. */
export function probabilityFilesOf(output: string, id: string, classes: readonly LabelClass[]): Map<string, string> {
  const plain = (name: string) => name.replace(/[^\p{L}\p{N}._-]/gu, "_").replace(/^\.+/, "_");
  const organs = classes.filter(({ value }) => value !== 0);
  const unique = (name: string) =>
    organs.filter((other) => plain(other.name).toLowerCase() === plain(name).toLowerCase()).length === 1;
  return new Map(
    organs.map(({ name, value }) => [
      name,
      join(output, "probabilities", id, `${plain(name)}${unique(name) ? "" : `-${value}`}.nii.gz`),
    ]),
  );
}

export const dicomSegFileOf = (output: string, id: string) => join(output, `${id}.seg.dcm`);

/** What a run of a model can write. */
export interface Writable {
  readonly classes: readonly LabelClass[];
  /** The stages that are run. */
  readonly stages: readonly StageName[];
}

/** Applies `existing`, before any work is done. */
export async function leaveOut(
  cases: readonly InputCase[],
  output: string,
  writable: Writable,
  options: OutputOptions,
): Promise<readonly InputCase[]> {
  const { existing = "refuse" } = options;
  const files = new Map<InputCase, readonly string[]>();
  for (const each of cases) files.set(each, await outputsOf(each, output, writable, options));
  const outputs = (each: InputCase) => files.get(each)!;
  const images = new Set(cases.flatMap((each) => each.images.map((image) => resolve(image))));
  const own = cases.flatMap(outputs).find((file) => images.has(resolve(file)));
  if (own !== undefined) {
    throw new ConfigError({
      file: own,
      found: "the labels would replace the image",
      hint: "choose another output folder",
    });
  }
  if (existing === "overwrite") return cases;
  if (existing === "skip") return cases.filter((each) => !outputs(each).every((file) => existsSync(file)));
  const there = cases.flatMap(outputs).filter((file) => existsSync(file));
  if (there.length === 0) return cases;
  throw new FileError({
    file: there[0],
    found: `exists already${there.length > 1 ? `, as do ${there.length - 1} more of the files to be written` : ""}`,
    hint: "choose another output folder, add --overwrite to replace the files, or --skip-existing to keep them and do the rest",
  });
}

/** The files that a case's results will be in. */
async function outputsOf(
  { case: id, images }: InputCase,
  output: string,
  writable: Writable,
  { stages, dicomSeg, probabilities, uncertainty }: OutputOptions,
): Promise<readonly string[]> {
  return [
    fileOf(output, id),
    ...(dicomSeg && (await isDicomPath(images[0]!)) ? [dicomSegFileOf(output, id)] : []),
    ...(stages ? writable.stages.map((stage) => fileOf(output, id, stage)) : []),
    ...(probabilities ? probabilityFilesOf(output, id, writable.classes).values() : []),
    ...(uncertainty ? [uncertaintyFileOf(output, id)] : []),
  ];
}
