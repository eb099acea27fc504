/** The names of labels, from a data set's `dataset.json` or a model's `model.json`: both say `"labels": { name: value }`. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import type { LabelOrRegion } from "../classes.js";

/** Name → value, or values that count as one mask (nnU-Net's regions). Background (0) is left out. */
export type LabelNames = Readonly<Record<string, LabelOrRegion>>;

/** The `dataset.json` that describes a folder of labels: in it, or beside it as in nnU-Net's layout (`labelsTr`). */
export function labelFileBeside(references: string): string | undefined {
  return [references, dirname(resolve(references))].map((folder) => join(folder, "dataset.json")).find(existsSync);
}

/**
 * nnU-Net's label called "ignore" is none: voxels of the reference that carry it were not annotated.
 *
 * @returns the other labels, and its number if there is one
 */
export function withoutIgnored(names: LabelNames): { labels: LabelNames; ignoreLabel?: number } {
  const { ignore, ...labels } = names;
  return typeof ignore === "number" ? { labels, ignoreLabel: ignore } : { labels: names };
}

/** @throws FileError when the file is missing, ConfigError when it does not name labels */
export async function readLabelNames(file: string): Promise<LabelNames> {
  const bytes = await readFileOrExplain(file, "labels are named in a dataset.json or a model.json");
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new ConfigError({ file, found: "this is not JSON", expected: "a dataset.json or a model.json", cause });
  }
  const { labels } = (parsed ?? {}) as { labels?: unknown };
  if (typeof labels !== "object" || labels === null || Array.isArray(labels)) {
    throw new ConfigError({ file, found: 'no "labels"', expected: '"labels": { "liver": 1, "spleen": 2, … }' });
  }
  const names: Record<string, LabelOrRegion> = {};
  for (const [name, value] of Object.entries(labels as Record<string, unknown>)) {
    if (!isLabel(value) && !(Array.isArray(value) && value.length > 0 && value.every(isLabel))) {
      throw new ConfigError({
        file,
        found: `label "${name}" is ${JSON.stringify(value)}`,
        expected: "a whole number from 0 to 255, or a list of such",
      });
    }
    if (value !== 0) names[name] = value as LabelOrRegion;
  }
  if (Object.keys(names).length === 0) throw new ConfigError({ file, found: "no label beside the background" });
  return names;
}

const isLabel = (value: unknown): value is number =>
  Number.isInteger(value) && Number(value) >= 0 && Number(value) < 256;
