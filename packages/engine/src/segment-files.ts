/**
 * Files in, label files out (segment-outputs.ts says which). Cases are segmented one after the other; one that cannot be is told and left
 * out, the others go on.
 */
import {
  type CancelSignal,
  ConfigError,
  DatasetError,
  type ErrorFacts,
  InterruptedError,
  type Progress,
  RfmedsamError,
  silent,
} from "@rfmedsam/base";
import { determinant, type LabelVolume, type Volume } from "@rfmedsam/imaging";
import { dicomSourceOf, readChannels, writeDicomSegFile, writeVolume } from "@rfmedsam/imaging/node";
import { classTable, type ModelManifest, type StageName, type SwitchedClass, stageNames } from "@rfmedsam/segmenter";
import { measurePeak } from "@rfmedsam/torch";
import { type FailedCase, findCases, type InputCase } from "./input-cases.js";
import type { OpenModel } from "./model-folder.js";
import {
  dicomSegFileOf,
  fileOf,
  type LabelClass,
  leaveOut,
  type OutputOptions,
  probabilityFilesOf,
  uncertaintyFileOf,
} from "./segment-outputs.js";

export interface SegmentFilesOptions extends OutputOptions {
  /** The last stage to run; all the model has by default. */
  readonly through?: StageName | undefined;
  /** Which of the cases found are segmented; all by default. */
  readonly cases?: ((id: string) => boolean) | undefined;
  /** Patches of step 0 that are predicted at once. */
  readonly batch?: number | undefined;
  /** Which series of DICOM folders with several: its place, from 1, or its UID. */
  readonly series?: number | string | undefined;
  /** Told what is unusual about an image and what was done about it. */
  readonly onWarning?: ((warning: string) => void) | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/** An organ that was found in a case. */
export interface FoundLabel {
  readonly name: string;
  readonly value: number;
  readonly voxels: number;
  /** Millilitres. */
  readonly ml: number;
}

export interface SegmentedCase extends InputCase {
  /** The final labels. */
  readonly file: string;
  /** The same as a DICOM segmentation, if asked for and the image is DICOM. */
  readonly dicomSegFile?: string | undefined;
  readonly stageFiles: Readonly<Partial<Record<StageName, string>>>;
  /** Per class name, if asked for. */
  readonly probabilityFiles: Readonly<Record<string, string>>;
  readonly uncertaintyFile?: string | undefined;
  /** Classes that come from another stage than usual in this case, and why. */
  readonly switched: readonly SwitchedClass[];
  /** Wall-clock seconds: read, prepare, step0, stage1, stage2, merge, write, total. */
  readonly seconds: Readonly<Record<string, number>>;
  /** Bytes that the process held at most meanwhile (where the system cannot tell: since it began); on a GPU what libtorch held of it, if it tells. */
  readonly peakMemory?: number | undefined;
  readonly labels: readonly FoundLabel[];
}

/**
 * Segments files and folders of files, and yields what became of each case as soon as it is known.
 *
 * @throws FileError when labels exist already, ConfigError when there is nothing to do; faults of the machine at once; at the end, if
 *   cases failed: the failure itself when it was the only case, else a DatasetError that names all of them; InterruptedError
 */
export async function* segmentFiles(
  model: Pick<OpenModel, "manifest" | "segmenter" | "device">,
  inputs: readonly string[],
  output: string,
  options: SegmentFilesOptions = {},
): AsyncGenerator<SegmentedCase | FailedCase, void, void> {
  const wanted = options.cases ?? (() => true);
  const found = await findCases(inputs, model.manifest.channelNames, output);
  for (const note of found.notes) options.onWarning?.(note);
  const chosen = found.cases.filter((each) => wanted(each.case));
  const failed = found.failed.filter((each) => wanted(each.case));
  const total = chosen.length + failed.length;
  if (total === 0) {
    throw new ConfigError({
      file: inputs.join(", "),
      found: `none of the chosen cases is among the ${found.cases.length} found here`,
      hint: "check the names in the split against the names of the files",
    });
  }
  const writable = { classes: classTable(model.manifest), stages: stagesRun(model.manifest, options.through) };
  const cases = await leaveOut(chosen, output, writable, options);
  for (const failure of failed) yield failure;
  for (const [index, each] of cases.entries()) {
    const stage = cases.length === 1 ? "" : `${each.case} (${index + 1} of ${cases.length}): `;
    const progress: Progress = (event) => options.progress?.({ ...event, stage: stage + event.stage });
    try {
      yield await segmentCase(model, each, output, { ...options, progress });
    } catch (error) {
      if (!concernsThisCase(error)) throw interruptedAfter(index, cases, options.existing, error);
      const failure = { case: each.case, failure: error };
      failed.push(failure);
      yield failure;
    }
  }
  if (failed.length > 0) throw summaryOf(failed, total);
}

/** The stages that are run when the labels of each are asked for. */
function stagesRun({ refiner }: ModelManifest, through: StageName = "stage2"): readonly StageName[] {
  return stageNames.slice(0, refiner === undefined ? 1 : stageNames.indexOf(through) + 1);
}

async function segmentCase(
  { manifest, segmenter, device }: Pick<OpenModel, "manifest" | "segmenter" | "device">,
  input: InputCase,
  output: string,
  options: SegmentFilesOptions,
): Promise<SegmentedCase> {
  const { stages = false, through, batch, dicomSeg = false, series, onWarning, progress = silent, signal } = options;
  const classes = classTable(manifest);
  const peak = measurePeak(device);
  const started = performance.now();
  const since = (start: number) => (performance.now() - start) / 1000;
  const warn = (warning: string) => onWarning?.(`${input.case}: ${warning}`);
  const channels = await readChannels(input.images, { series, onWarning: warn });
  const read = since(started);
  const places = probabilityFilesOf(output, input.case, classes);
  const probabilityFiles: Record<string, string> = {};
  const onProbabilities = async (name: string, percent: Volume<Uint8Array>) => {
    probabilityFiles[name] = places.get(name)!;
    await writeVolume(places.get(name)!, percent, { dtype: "uint8" });
  };
  const segmentation = await segmenter
    .segment(channels, {
      stageLabels: stages,
      progress,
      uncertainty: options.uncertainty,
      onProbabilities: options.probabilities ? onProbabilities : undefined,
      ...(batch !== undefined && { batch }),
      ...(through && { through }),
      ...(signal && { signal }),
    })
    .catch((error: unknown) => {
      throw naming(error, input.images[0]!);
    });
  const writing = performance.now();
  const stageFiles: Partial<Record<StageName, string>> = {};
  for (const stage of stageNames) {
    const labels = segmentation.stages[stage];
    if (labels === undefined) continue;
    stageFiles[stage] = fileOf(output, input.case, stage);
    await writeVolume(stageFiles[stage], labels, { dtype: "uint8" });
  }
  const uncertaintyFile = segmentation.uncertainty && uncertaintyFileOf(output, input.case);
  if (uncertaintyFile !== undefined) await writeVolume(uncertaintyFile, segmentation.uncertainty!);
  const dicomSegFile = dicomSeg
    ? await writeDicomSeg(segmentation.labels, classes, input, output, { series, onWarning: warn })
    : undefined;
  // Last, so that a case whose labels are there is whole.
  const file = fileOf(output, input.case);
  await writeVolume(file, segmentation.labels, { dtype: "uint8" });
  return {
    ...input,
    file,
    dicomSegFile,
    stageFiles,
    probabilityFiles,
    uncertaintyFile,
    switched: segmentation.switched,
    seconds: { read, ...segmentation.seconds, write: since(writing), total: since(started) },
    peakMemory: finite(peak()),
    labels: foundLabels(segmentation.labels, classes),
  };
}

const finite = (value: number) => (Number.isFinite(value) ? value : undefined);

/** @returns the file, or `undefined` if the image is no DICOM series */
async function writeDicomSeg(
  labels: LabelVolume,
  classes: readonly LabelClass[],
  { case: id, images }: InputCase,
  output: string,
  { series, onWarning }: Pick<SegmentFilesOptions, "series" | "onWarning">,
): Promise<string | undefined> {
  const source = await dicomSourceOf(images[0]!, { series });
  if (source === undefined) {
    onWarning?.("no DICOM segmentation was written, for the image is not DICOM");
    return undefined;
  }
  const file = dicomSegFileOf(output, id);
  const names = Object.fromEntries(classes.map(({ name, value }) => [name, value]));
  const { warnings } = await writeDicomSegFile(file, labels, names, source, { file: images[0] });
  for (const warning of warnings) onWarning?.(warning);
  return file;
}

function foundLabels({ data, affine }: LabelVolume, classes: readonly LabelClass[]): readonly FoundLabel[] {
  const counts = new Uint32Array(256);
  for (let i = 0; i < data.length; i++) counts[data[i]!]!++;
  const voxelMl = Math.abs(determinant(affine)) / 1000;
  return classes
    .filter(({ value }) => value !== 0 && counts[value]! > 0)
    .map(({ name, value }) => ({ name, value, voxels: counts[value]!, ml: counts[value]! * voxelMl }));
}

/** Whether the next case may go better: not after a full disk or a stop. */
function concernsThisCase(error: unknown): error is RfmedsamError {
  return error instanceof RfmedsamError && error.fault === "user" && !(error instanceof InterruptedError);
}

/** The same error, with the file it is about. */
function naming(error: unknown, file: string): unknown {
  if (!(error instanceof RfmedsamError) || error.file !== undefined || error instanceof InterruptedError) return error;
  const { found, expected, hint } = error;
  return new (error.constructor as new (facts: ErrorFacts) => RfmedsamError)({
    file,
    found,
    expected,
    hint,
    cause: error,
  });
}

function interruptedAfter(
  done: number,
  cases: readonly { readonly case: string }[],
  existing: SegmentFilesOptions["existing"],
  error: unknown,
): unknown {
  if (!(error instanceof InterruptedError)) return error;
  const next = cases[done]!.case;
  return new InterruptedError({
    found: `stopped after ${done} of ${cases.length} case${cases.length === 1 ? "" : "s"}`,
    // Labels that were to be replaced are there before and after: leaving out what exists would leave them.
    hint:
      existing === "overwrite"
        ? `run the same command to do all again, or give it the inputs from ${next} on to do the rest`
        : "run the same command with --skip-existing to do the rest",
  });
}

/** How many failures the summary tells in full. */
const told = 10;

function summaryOf(failed: readonly FailedCase[], total: number): RfmedsamError {
  const [first] = failed;
  if (total === 1 && first !== undefined) return first.failure;
  const more = failed.length > told ? `, and ${failed.length - told} more` : "";
  return new DatasetError({
    found: `${failed.length} of ${total} cases could not be segmented: ${failed
      .slice(0, told)
      .map(({ case: id, failure }) => `${id} (${failure.found})`)
      .join(", ")}${more}`,
    hint: failed.length < total ? "the labels of the others are written" : undefined,
  });
}
