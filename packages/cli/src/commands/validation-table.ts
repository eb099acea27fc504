/** Dice on the validation cases: per label, by the stage it could come from, and the stage chosen. */
import type { Table } from "@rfmedsam/metrics";
import type { ModelManifest } from "@rfmedsam/segmenter";
import type { ValidationDice } from "@rfmedsam/training";

const allStages = ["step0", "stage1", "stage2", "mean"] as const;

/** @returns undefined when nothing was measured */
export function validationTable(manifest: ModelManifest, validation: readonly ValidationDice[]): Table | undefined {
  const names = Object.entries(manifest.labels)
    .sort(([, a], [, b]) => a - b)
    .map(([name]) => name);
  return tableOf(
    validation.map(({ class: label, dice }) => ({ label: names[label] ?? String(label), ...dice })),
    manifest.outputStages,
  );
}

/** The same from what the model folder remembers. */
export function rememberedTable({ training, outputStages }: ModelManifest): Table | undefined {
  return tableOf(training.validation, outputStages);
}

type Row = Readonly<Record<string, string | number | null>>;

function tableOf(rows: readonly Row[], chosen: Readonly<Record<string, string>>): Table | undefined {
  if (rows.length === 0) return undefined;
  const labels = [...new Set(rows.map((row) => String(row.label)))];
  const stages = allStages.filter((stage) => rows.some((row) => stage in row));
  const means = labels.map((label) =>
    stages.map((stage) => meanOf(rows.filter((row) => row.label === label).map((row) => row[stage]))),
  );
  return {
    title: `Dice of ${stages.length === 1 ? "cases that step 0 has not seen" : "the validation cases"} (${new Set(rows.map((row) => row.case)).size})`,
    columns: [{ name: "label" }, ...stages.map((name) => ({ name, digits: 3 })), { name: "answers" }],
    rows: [
      ...labels.map((label, at) => [label, ...means[at]!, chosen[label] ?? "step0"]),
      ["mean", ...stages.map((_, stage) => meanOf(means.map((row) => row[stage]))), ""],
    ],
    footerRows: 1,
  };
}

function meanOf(values: readonly (string | number | null | undefined)[]): number {
  const numbers = values.filter((value): value is number => typeof value === "number" && Number.isFinite(value));
  return numbers.reduce((sum, value) => sum + value, 0) / numbers.length;
}
