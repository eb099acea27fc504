/** What can be known of a download before anything is written: files that are missing, headers that do not fit, room on the disk. */
import { stat } from "node:fs/promises";
import {
  type CancelSignal,
  DatasetError,
  GeometryError,
  type Progress,
  ResourceError,
  throwIfCancelled,
} from "@rfmedsam/base";
import { channelCount, describeGrid, gridOfNifti, type NiftiHeader, sameGrid } from "@rfmedsam/imaging";
import { readImageHeader } from "@rfmedsam/imaging/node";
import { freeSpace } from "../room.js";
import { type ConversionPlan, type DatasetKind, obtainHint, type SourceCase } from "./kind.js";

/** How the caller can be told to leave out cases, and to link files; a caller that cannot has other advice, or none. */
export interface ConversionAdvice {
  readonly partial?: string | undefined;
  readonly link: string;
}

export interface CompletePlan {
  readonly plan: ConversionPlan;
  readonly bytes: number;
}

/**
 * @param partial leave out cases that are not all there instead of refusing the download; each becomes a note
 * @throws DatasetError that names the first file missing and how many more are
 */
export async function withFilesThere(
  plan: ConversionPlan,
  kind: DatasetKind,
  partial: boolean,
  advice: Pick<ConversionAdvice, "partial">,
): Promise<CompletePlan> {
  const missing: string[] = [];
  const left: string[] = [];
  let bytes = 0;
  const there = async (cases: readonly SourceCase[]) => {
    const kept: SourceCase[] = [];
    for (const each of cases) {
      const files = [...each.images, ...(each.labels === undefined ? [] : [each.labels])];
      const sizes = await Promise.all(files.map(sizeOf));
      const absent = files.filter((_, index) => sizes[index] === undefined);
      missing.push(...absent);
      if (absent.length > 0) left.push(each.id);
      else kept.push(each);
      bytes += sizes.reduce<number>((sum, size) => sum + (size ?? 0), 0);
    }
    return kept;
  };
  const [training, test] = [await there(plan.training), await there(plan.test)];
  if (missing.length > 0 && (!partial || training.length === 0)) {
    throw new DatasetError({
      file: missing[0],
      found: `does not exist${missing.length > 1 ? `, nor do ${missing.length - 1} more (${missing.slice(1, 4).join(", ")}${missing.length > 4 ? ", …" : ""})` : ""}`,
      expected: kind.layout,
      hint: [obtainHint(kind), ...(advice.partial === undefined ? [] : [advice.partial])].join(". "),
    });
  }
  const known = new Set(training.map(({ id }) => id));
  const within = (ids: readonly string[]) => ids.filter((id) => known.has(id));
  const split = plan.split && {
    ...plan.split,
    folds: plan.split.folds.map(({ train, val }) => ({ train: within(train), val: within(val) })),
  };
  const notes = left.length === 0 ? [] : [`left out, for files are missing: ${left.join(", ")}`];
  return { plan: { ...plan, training, test, split, notes: [...plan.notes, ...notes] }, bytes };
}

async function sizeOf(file: string): Promise<number | undefined> {
  const facts = await stat(file).catch(() => undefined);
  return facts?.isFile() ? facts.size : undefined;
}

/**
 * Looks at every header: as many channels as promised, labels of the image's shape.
 *
 * @returns notes on what fits but will trouble training
 * @throws DatasetError, GeometryError, FormatError that name the file
 */
export async function checkHeaders(
  { training, test, channelNames }: ConversionPlan,
  progress: Progress,
  signal: CancelSignal | undefined,
): Promise<string[]> {
  const cases = [...training, ...test];
  const elsewhere: string[] = [];
  for (const [done, { id, images, labels }] of cases.entries()) {
    throwIfCancelled(signal, "nothing was written; run the command again");
    progress({ stage: "looking at the headers", done, total: cases.length });
    const header = await readImageHeader(images[0]!);
    const promised = images.length === 1 ? channelNames.length : 1;
    assertChannels(images[0]!, header, promised, channelNames);
    for (const more of images.slice(1)) assertChannels(more, await readImageHeader(more), 1, channelNames);
    if (labels !== undefined && !fits(await headerOfLabels(labels), header, labels, images[0]!)) elsewhere.push(id);
  }
  progress({ stage: "looking at the headers", done: cases.length, total: cases.length });
  if (elsewhere.length === 0) return [];
  const shown = elsewhere.slice(0, 5).join(", ");
  return [
    `labels that their headers place elsewhere than the image, which training refuses: ${shown}${elsewhere.length > 5 ? ` and ${elsewhere.length - 5} more` : ""}`,
  ];
}

function assertChannels(file: string, header: NiftiHeader, promised: number, names: readonly string[]): void {
  const found = channelCount(header);
  if (found === promised) return;
  throw new DatasetError({
    file,
    found: `${found} channel${found === 1 ? "" : "s"} (${header.dims.join("×")} voxels, x first)`,
    expected: promised === 1 ? "one 3D image" : `a 4D image of ${promised}: ${names.join(", ")}`,
    hint: "the file is not the one its data set promises: get it again",
  });
}

async function headerOfLabels(file: string): Promise<NiftiHeader> {
  const header = await readImageHeader(file);
  if (channelCount(header) === 1) return header;
  throw new DatasetError({
    file,
    found: `labels of ${header.dims.join("×")} voxels (x first)`,
    expected: "a 3D label map",
  });
}

/** @returns whether the labels also lie where the image does. @throws GeometryError when not even the shapes agree */
function fits(labels: NiftiHeader, image: NiftiHeader, labelFile: string, imageFile: string): boolean {
  const [a, b] = [gridOfNifti(image), gridOfNifti(labels)];
  if (a.shape.every((size, axis) => size === b.shape[axis])) return sameGrid(a, b);
  throw new GeometryError({
    file: labelFile,
    found: describeGrid(b),
    expected: `the image's ${describeGrid(a)} (${imageFile})`,
    hint: "one of the two is not the file its data set promises: get them again",
  });
}

/** @throws ResourceError when `bytes` do not fit where `target` is to be */
export async function assertRoom(
  target: string,
  bytes: number,
  { link }: Pick<ConversionAdvice, "link">,
): Promise<void> {
  const free = await freeSpace(target);
  if (bytes <= free) return;
  throw new ResourceError({
    file: target,
    found: `${gigabytes(free)} free on its disk`,
    expected: `${gigabytes(bytes)} for the copy`,
    hint: `free some space, choose another disk, or ${link}`,
  });
}

const gigabytes = (bytes: number) => `${(bytes / 1e9).toPrecision(3)} GB`;
