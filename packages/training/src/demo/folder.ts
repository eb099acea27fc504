/**
 * The demonstration's folder:
 *
 *   demo.json                  the settings it was started with
 *   data/                      phantoms, in nnU-Net's layout
 *   model/                     the trained model
 *   labels/                    final labels of the held-out phantoms; step0/, stage1/, stage2/ inside
 *   overlays/                  a picture of every held-out phantom
 *   evaluation.json, .csv      every number
 *   report.html                written last
 *
 * A demonstration that was stopped goes on, unless it shall not; one that is complete, or was started with other settings, is made anew.
 * A folder that is not a demonstration's is left alone.
 */
import { existsSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { FileError } from "@rfmedsam/base";
import { namesIn, writeJsonAtomic } from "@rfmedsam/base/node";

const anotherFolder = "choose another output folder";
const parts = ["data", "model", "labels", "overlays", "evaluation.json", "evaluation.csv", "evaluation.html"];

export interface DemoFolder {
  readonly data: string;
  readonly model: string;
  readonly labels: string;
  readonly overlays: string;
  readonly report: string;
  /** Whether an earlier run is gone on with. */
  readonly resumed: boolean;
}

/**
 * @param settings everything that decides the result @param restart a stopped demonstration is made anew, too
 * @throws FileError when the folder holds something else
 */
export async function openDemoFolder(folder: string, settings: unknown, restart = false): Promise<DemoFolder> {
  const settingsFile = join(folder, "demo.json");
  const report = join(folder, "report.html");
  const wanted = JSON.stringify(settings);
  const before = existsSync(settingsFile) ? await readFile(settingsFile, "utf8") : undefined;
  if (before === undefined && (await namesIn(folder, anotherFolder)).length > 0) {
    throw new FileError({
      file: folder,
      found: "a folder that is not empty and not a demonstration's",
      hint: anotherFolder,
    });
  }
  const resumed = before !== undefined && !restart && !existsSync(report) && sameSettings(before, wanted);
  if (!resumed) {
    // The report first: without it a folder that is half removed counts as not complete.
    for (const part of ["report.html", ...parts]) await rm(join(folder, part), { recursive: true, force: true });
    await writeJsonAtomic(settingsFile, settings);
  }
  return {
    data: join(folder, "data"),
    model: join(folder, "model"),
    labels: join(folder, "labels"),
    overlays: join(folder, "overlays"),
    report,
    resumed,
  };
}

function sameSettings(before: string, wanted: string): boolean {
  try {
    return JSON.stringify(JSON.parse(before)) === wanted;
  } catch {
    return false; // not JSON: whatever it was, it is not this run's
  }
}
