/** What a recipe ends with: the table of all stages, and a page. */
import { basename } from "node:path";
import type { SegmentedCase } from "@rfmedsam/engine";
import {
  type Cell,
  comparePaired,
  falseOrganLegend,
  intervalInWords,
  metrics,
  renderReport,
  scoreTable,
  spreadOf,
  type Table,
} from "@rfmedsam/metrics";
import { type Evaluation, evaluationTables, scoresOf, summaryOf } from "@rfmedsam/metrics/node";
import type { ModelManifest } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";
import { costTable } from "../demo/report.js";
import { madeWith } from "../version.js";
import { needsOf } from "./needs.js";
import type { Recipe } from "./recipe.js";

/**
 * Dice per label by every stage and by the final labels, and the paired difference final − step 0 with its bootstrap interval over cases.
 *
 * @param manifests of the folds' models: which stage they chose
 */
export function resultTable(evaluation: Evaluation, manifests: readonly ModelManifest[]): Table {
  const { columns } = evaluation;
  const [first, last] = [columns[0]!, columns.at(-1)!];
  const dice = scoreTable(
    columns.map((name) => ({ name, summary: summaryOf(evaluation, name) })),
    { rows: "label" },
  );
  const { perLabel, foreground } = comparePaired(scoresOf(evaluation, first), scoresOf(evaluation, last), {
    best: metrics.dice.best,
  });
  const gain = ({ low, high, test, ...statistics }: typeof foreground): Cell[] => [
    spreadOf({ ...statistics, low, high }),
    { low, high },
    test.p,
  ];
  return {
    title: `Dice of ${evaluation.cases.length} cases`,
    columns: [
      ...dice.columns,
      { name: `${last} − ${first}`, digits: 4 },
      { name: "95 % interval", digits: 4 },
      { name: "p", digits: 4 },
      { name: "answers" },
    ],
    rows: dice.rows.map((row, at) => {
      const label = perLabel[at];
      return [...row, ...gain(label ?? foreground), label === undefined ? "" : answers(label.label, manifests)];
    }),
    footerRows: 1,
    legend: [
      "Mean ± standard deviation over the cases; differences are paired, intervals by the bootstrap over cases, p by Wilcoxon's signed-rank test.",
      falseOrganLegend,
    ],
  };
}

/** The chosen stages of a label, over the folds. */
function answers(label: string, manifests: readonly ModelManifest[]): string {
  const stages = manifests.map(({ outputStages, gate, largestComponent }) =>
    [
      outputStages[label] ?? "step0",
      ...(gate[label] === undefined ? [] : [`${gate[label].kind} by ${gate[label].stage}`]),
      ...(largestComponent.includes(label) ? ["largest component"] : []),
    ].join(" + "),
  );
  const counts = new Map(stages.map((stage) => [stage, stages.filter((each) => each === stage).length]));
  return [...counts].map(([stage, count]) => (stages.length === 1 ? stage : `${stage} (${count})`)).join(", ");
}

export interface RecipePageFacts {
  readonly recipe: Recipe;
  readonly configuration: TrainingConfiguration;
  readonly seed: number;
  readonly folds: readonly string[];
  readonly table: Table;
  readonly stages: Table;
  readonly evaluation: Evaluation;
  readonly segmented: readonly SegmentedCase[];
}

export function recipePage({
  recipe,
  configuration,
  seed,
  folds,
  table,
  stages,
  evaluation,
  segmented,
}: RecipePageFacts): string {
  const { columns, labels, cases, missing, notes } = evaluation;
  const [step0, final] = [columns[0]!, columns.at(-1)!].map((column) => summaryOf(evaluation, column).foreground);
  const { scores, intervals } = evaluationTables(evaluation);
  const shown = (value: number) => (Number.isNaN(value) ? "–" : value.toFixed(3));
  return renderReport({
    title: recipe.title,
    summary: recipe.summary,
    headlines: [
      { name: "mean Dice", value: shown(final!.mean), note: intervalInWords(final!) },
      { name: "step 0 alone", value: shown(step0!.mean) },
      { name: "cases", value: String(cases.length), note: folds.join(", ") },
    ],
    tables: [table, stages, scores, intervals, ...(segmented.length === 0 ? [] : [costTable(segmented)])],
    plots: [
      {
        title: "Dice of every case",
        axis: "Dice",
        groups: Object.keys(labels),
        cases,
        series: columns.map((column) => {
          const { values } = scoresOf(evaluation, column);
          return { name: column, values: Object.keys(labels).map((_, at) => values.map((row) => row[at]!)) };
        }),
      },
    ],
    facts: [
      { name: "recipe", value: `${recipe.name} (${basename(recipe.file)})` },
      ...needsOf(recipe).map(({ what, title, obtain, licence }) => ({
        name: what,
        value: `${title}, ${obtain}, ${licence}`,
      })),
      { name: "seed", value: String(seed) },
      { name: "without a prediction", value: String(missing.length) },
      ...madeWith(),
      { name: "configuration", value: JSON.stringify(configuration) },
      ...notes.map((value) => ({ name: "note", value })),
    ],
  });
}
