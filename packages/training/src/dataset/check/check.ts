/**
 * Looks at every file of a data set and says what is wrong with it:
 *
 *   names ──► inventory ──► each case read once ──► its summary ──┐
 *                                                                 ├──► rules ──► findings
 *   dataset.json, splits_final.json ──────────────────────────────┘
 *
 * One volume is in memory at a time; of a case, some numbers and a thumbnail stay.
 */
import { join } from "node:path";
import { type CancelSignal, type Progress, RfmedsamError, silent, throwIfCancelled } from "@rfmedsam/base";
import { spacingOf } from "@rfmedsam/imaging";
import { publishedSplits, splitsFile } from "@rfmedsam/metrics/node";
import { type CaseSummary, summariseCase } from "./case-summary.js";
import { takeInventory } from "./inventory.js";
import { type CheckedDataset, type Found, type Rule, type Severity, trainingOf } from "./rule.js";
import { rules } from "./rules.js";
import { usualGrid } from "./rules-outliers.js";

/** One thing that is not as it should be. */
export interface Finding extends Found {
  readonly rule: string;
  readonly severity: Severity;
}

export interface CheckReport {
  readonly folder: string;
  readonly name: string;
  readonly training: number;
  readonly test: number;
  readonly channelNames: readonly string[];
  /** Medians of the cases to train on, `z×y×x`; undefined when none can be read. */
  readonly usual: { readonly shape: string; readonly spacing: string } | undefined;
  /** Of the cases to train on. */
  readonly classes: readonly {
    readonly name: string;
    readonly value: number;
    readonly cases: number;
    /** Mean over the cases that show the class, in ml. */
    readonly volume: number;
  }[];
  /** Everything that was asked, errors first. */
  readonly rules: readonly Pick<Rule, "name" | "severity" | "sentence">[];
  /** In the order of the rules. */
  readonly findings: readonly Finding[];
  readonly counts: Readonly<Record<Severity, number>>;
}

export interface CheckOptions {
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * @param folder in nnU-Net's layout
 * @throws FileError, DatasetError, ConfigError when there is no data set to look at (no dataset.json, no imagesTr); whatever is wrong
 *   with single files is a finding
 */
export async function checkDataset(
  folder: string,
  { progress = silent, signal }: CheckOptions = {},
): Promise<CheckReport> {
  const inventory = await takeInventory(folder);
  const { description } = inventory;
  const cases: CaseSummary[] = [];
  for (const [done, entry] of inventory.cases.entries()) {
    throwIfCancelled(signal);
    progress({ stage: "checking cases", done, total: inventory.cases.length });
    cases.push(await summariseCase(entry));
  }
  progress({ stage: "checking cases", done: cases.length, total: cases.length });
  const dataset: CheckedDataset = { inventory, cases, splits: await splitsOf(folder) };
  const findings = rules.flatMap(({ name: rule, severity, find }) =>
    Array.from(find(dataset), (found) => ({ rule, severity, ...found })),
  );
  const training = trainingOf(dataset);
  return {
    folder,
    name: description.name,
    training: training.length,
    test: cases.length - training.length,
    channelNames: description.channelNames,
    usual: usualGrid(dataset),
    classes: Object.entries(description.labels)
      .filter(([, value]) => value !== 0)
      .map(([name, value]) => ({ name, value, ...occurrence(training, value) })),
    rules: rules.map(({ name, severity, sentence }) => ({ name, severity, sentence })),
    findings,
    counts: {
      error: findings.filter(({ severity }) => severity === "error").length,
      warning: findings.filter(({ severity }) => severity === "warning").length,
      note: findings.filter(({ severity }) => severity === "note").length,
    },
  };
}

function occurrence(training: readonly CaseSummary[], value: number): { cases: number; volume: number } {
  const volumes = training.flatMap(({ marked }) => {
    const voxels = marked?.voxels.get(value);
    return voxels === undefined ? [] : voxels * spacingOf(marked!.grid).reduce((a, b) => a * b, 0.001);
  });
  return { cases: volumes.length, volume: volumes.reduce((a, b) => a + b, 0) / volumes.length };
}

async function splitsOf(folder: string): Promise<CheckedDataset["splits"]> {
  try {
    return await publishedSplits(folder);
  } catch (error) {
    if (!(error instanceof RfmedsamError)) throw error;
    return { file: join(folder, splitsFile), unreadable: error.found };
  }
}
