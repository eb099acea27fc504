/**
 * A study's folder, so that a stopped one goes on and nothing is measured twice:
 *
 *   OUT/study.json          what it was started with
 *       measured/PART/CASE.json    what was measured of a case, and by which version: another one measures again
 *       NAME.json, .csv, .html     the result (report.ts)
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { CancelSignal } from "@rfmedsam/base";
import { ConfigError, FormatError, InterruptedError, type Progress, throwIfCancelled } from "@rfmedsam/base";
import { readFileOrExplain, writeJsonAtomic } from "@rfmedsam/base/node";
import type { CaseFiles } from "../../dataset/nnunet.js";
import { versions } from "../../version.js";
import { fromPlain, type Measurement, toPlain } from "./measurements.js";

export class StudyFolder {
  private constructor(readonly folder: string) {}

  /**
   * @param identity what must be the same for a study to go on; its keys are named in the error
   * @throws ConfigError when the folder belongs to another study
   */
  static async open(folder: string, identity: Readonly<Record<string, unknown>>): Promise<StudyFolder> {
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
    return new StudyFolder(folder);
  }

  /**
   * Measures every case that is not measured yet.
   *
   * @param part of the study; a plain folder name
   * @throws whatever `measure` throws; InterruptedError between two cases
   */
  async measureCases(
    part: string,
    cases: readonly CaseFiles[],
    measure: (files: CaseFiles, progress: Progress) => Promise<readonly Measurement[]>,
    { progress, signal }: { readonly progress: Progress; readonly signal?: CancelSignal | undefined },
  ): Promise<Measurement[]> {
    const all: Measurement[] = [];
    for (const [at, files] of cases.entries()) {
      const stage = `${part}, ${files.id} (${at + 1} of ${cases.length})`;
      const own = (own: Progress) => measure(files, own);
      all.push(...(await this.measureCase(part, files.id, own, { stage, progress, signal })));
      progress({ stage: part, done: at + 1, total: cases.length });
    }
    return all;
  }

  /** One case of a part, unless it is measured already. @throws as `measureCases` */
  async measureCase(
    part: string,
    id: string,
    measure: (progress: Progress) => Promise<readonly Measurement[]>,
    {
      stage,
      progress,
      signal,
    }: { readonly stage: string; readonly progress: Progress; readonly signal?: CancelSignal | undefined },
  ): Promise<readonly Measurement[]> {
    const file = join(this.folder, "measured", part, `${id}.json`);
    const known = existsSync(file) ? await readMeasured(file) : undefined;
    if (known !== undefined) return known;
    throwIfCancelled(signal, goOn);
    const made = await measure((event) => progress({ ...event, stage: `${stage}: ${event.stage}` })).catch(withHint);
    await writeJsonAtomic(file, { madeBy: thisVersion(), measurements: toPlain(made) });
    return made;
  }
}

const goOn = "run the same command again to go on from here";

function withHint(error: unknown): never {
  if (!(error instanceof InterruptedError)) throw error;
  throw new InterruptedError({ found: error.found, hint: goOn });
}

/** @returns undefined when another version measured */
async function readMeasured(file: string): Promise<Measurement[] | undefined> {
  const { madeBy, measurements } = await readObject(file);
  if (typeof madeBy !== "string" || !Array.isArray(measurements)) throw damaged(file);
  return madeBy === thisVersion() ? fromPlain(measurements as Record<string, unknown>[]) : undefined;
}

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
