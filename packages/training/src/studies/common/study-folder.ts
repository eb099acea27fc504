/**
 * A study's folder, so that a stopped one goes on and nothing is measured twice:
 *
 *   OUT/study.json          what it was started with
 *       measured/PART/CASE.json    what was measured of a case, by which version and in which files: others are measured again
 *       NAME.json, .csv, .html     the result (report.ts)
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { type CancelSignal, ConfigError, FormatError, type Progress, throwIfCancelled } from "@rfmedsam/base";
import { readFileOrExplain, writeJsonAtomic } from "@rfmedsam/base/node";
import type { CaseFiles, Dataset } from "../../dataset/nnunet.js";
import { goOn, sayHowToGoOn } from "../../go-on.js";
import { type DatasetState, datasetChanges, datasetState } from "../../run/work-folder-dataset.js";
import { versions } from "../../version.js";
import { fromPlain, type Measurement, toPlain } from "./measurements.js";

/** What a study measures on. */
export interface StudyData {
  readonly dataset: Dataset;
  /** Told when a case is measured again, as its files have changed. */
  readonly onNote?: ((note: string) => void) | undefined;
}

export class StudyFolder {
  /** Cases whose change was told. */
  readonly #told = new Set<string>();

  private constructor(
    readonly folder: string,
    readonly data: StudyData,
  ) {}

  /**
   * @param identity what must be the same for a study to go on; its keys are named in the error
   * @throws ConfigError when the folder belongs to another study
   */
  static async open(
    folder: string,
    identity: Readonly<Record<string, unknown>>,
    data: StudyData,
  ): Promise<StudyFolder> {
    const file = join(folder, "study.json");
    const wanted = toPlain(identity) as Record<string, unknown>;
    if (existsSync(file)) {
      const before = await readObject(file);
      const keys = [...new Set([...Object.keys(wanted), ...Object.keys(before)])];
      const changed = keys.filter((key) => JSON.stringify(before[key]) !== JSON.stringify(wanted[key]));
      if (changed.length > 0) {
        throw new ConfigError({
          file: folder,
          found: `a study with another ${changed.join(" and ")}`,
          expected: "the settings it was started with",
          hint: "give the same settings to go on, or choose another output folder",
        });
      }
    } else await writeJsonAtomic(file, wanted);
    return new StudyFolder(folder, data);
  }

  /**
   * Measures every case that is not measured yet, or was in other files.
   *
   * @param part of the study; a plain folder name
   * @param options.shown what progress calls it (default: the part)
   * @throws whatever `measure` throws; InterruptedError between two cases
   */
  async measureCases(
    part: string,
    cases: readonly CaseFiles[],
    measure: (files: CaseFiles, progress: Progress) => Promise<readonly Measurement[]>,
    {
      progress,
      signal,
      shown = part,
    }: { readonly progress: Progress; readonly signal?: CancelSignal | undefined; readonly shown?: string },
  ): Promise<Measurement[]> {
    const all: Measurement[] = [];
    for (const [at, files] of cases.entries()) {
      const stage = `${shown}, ${files.id} (${at + 1} of ${cases.length})`;
      const measureThis = (inner: Progress) => measure(files, inner);
      all.push(...(await this.measureCase(part, files, measureThis, { stage, progress, signal })));
      progress({ stage: shown, done: at + 1, total: cases.length });
    }
    return all;
  }

  /** One case of a part, unless it is measured already. @throws as `measureCases`, FileError for files that are not there */
  async measureCase(
    part: string,
    files: CaseFiles,
    measure: (progress: Progress) => Promise<readonly Measurement[]>,
    {
      stage,
      progress,
      signal,
    }: { readonly stage: string; readonly progress: Progress; readonly signal?: CancelSignal | undefined },
  ): Promise<readonly Measurement[]> {
    const file = join(this.folder, "measured", part, `${files.id}.json`);
    const measuredIn = await datasetState({ ...this.data.dataset, training: [files] });
    const before = existsSync(file) ? await readMeasured(file) : undefined;
    if (before?.measuredIn !== undefined) {
      const changes = datasetChanges(before.measuredIn, measuredIn);
      if (changes.length === 0) return before.measurements;
      this.#tell(files.id, changes);
    }
    throwIfCancelled(signal, goOn);
    const made = await measure((event) => progress({ ...event, stage: `${stage}: ${event.stage}` })).catch(
      sayHowToGoOn,
    );
    await writeJsonAtomic(file, { madeBy: thisVersion(), measuredIn, measurements: toPlain(made) });
    return made;
  }

  #tell(id: string, changes: readonly string[]): void {
    if (this.#told.has(id)) return;
    this.#told.add(id);
    this.data.onNote?.(`Case ${id} is measured again, as it has changed: ${changes.join("; ")}.`);
  }
}

interface MeasuredBefore {
  /** Unknown of what earlier versions wrote. */
  readonly measuredIn?: DatasetState | undefined;
  readonly measurements: Measurement[];
}

/** @returns undefined when another version measured */
async function readMeasured(file: string): Promise<MeasuredBefore | undefined> {
  const { madeBy, measuredIn, measurements } = await readObject(file);
  if (typeof madeBy !== "string" || !Array.isArray(measurements)) throw damaged(file);
  if (madeBy !== thisVersion()) return undefined;
  return {
    measuredIn: isState(measuredIn) ? measuredIn : undefined,
    measurements: fromPlain(measurements as Record<string, unknown>[]),
  };
}

const isState = (found: unknown): found is DatasetState =>
  ((found ?? {}) as Partial<DatasetState>).files instanceof Object;

function thisVersion(): string {
  const { rfmedsam, revision } = versions();
  return `${rfmedsam}, revision ${revision}`;
}

async function readObject(file: string): Promise<Record<string, unknown>> {
  const found = await readJson(file);
  if (typeof found === "object" && found !== null) return found as Record<string, unknown>;
  throw damaged(file);
}

async function readJson(file: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readFileOrExplain(file));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw damaged(file, cause);
  }
}

const damaged = (file: string, cause?: unknown) =>
  new FormatError({
    file,
    found: "something else than a study wrote",
    hint: "delete the file, or choose another output folder",
    cause,
  });
