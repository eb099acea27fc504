/** The ablation's table, plot and what it says. */
import { comparePaired, falseOrganLegend, holm, metrics, signedRankTest } from "@rfmedsam/metrics";
import { type Measured, scoresOfArm } from "../common/measurements.js";
import type { Study } from "../common/report.js";
import { caseMeans, commonCells, commonColumns, commonLegend, intervalColumn, statisticsOf } from "../common/table.js";
import { type Ablation, baseName, type Variant } from "./configuration.js";

/** Chance of a single false alarm among all variants. */
const level = 0.05;

/** @param ablation the variants that are measured: the base, and at least one other */
export function ablationStudy(
  { title, summary, variants }: Pick<Ablation, "title" | "summary"> & { readonly variants: readonly Variant[] },
  measured: Measured,
  facts: Study["facts"],
): Study {
  const base = scoresOfArm(measured, baseName, "dice");
  const others = variants.slice(1);
  const differences = others.map(
    ({ name }) => comparePaired(base, scoresOfArm(measured, name, "dice"), { best: metrics.dice.best }).foreground,
  );
  const corrected = holm(differences.map(({ test }) => test.p));
  return {
    name: "ablation",
    title,
    summary: `${summary} ${measured.cases.length} cases, ${measured.labels.length} labels.`,
    verdict: verdictOf(
      others.map(({ name }, at) => ({ ...differences[at]!, name, p: corrected[at]! })),
      measured.cases.length,
    ),
    headlines: [{ name: "base, mean Dice", value: statisticsOf(measured, baseName, "dice").mean.toFixed(3) }],
    table: {
      title,
      columns: [
        { name: "variant" },
        ...commonColumns,
        { name: "Dice − base", digits: 4 },
        { ...intervalColumn(4), name: "difference, 95 % interval" },
        { name: "p", digits: 4 },
        { name: "p, corrected", digits: 4 },
      ],
      rows: variants.map(({ name }, at) => [
        name,
        ...commonCells(measured, name),
        ...(at === 0
          ? [null, null, null, null]
          : [
              differences[at - 1]!.mean,
              { low: differences[at - 1]!.low, high: differences[at - 1]!.high },
              differences[at - 1]!.test.p,
              corrected[at - 1]!,
            ]),
      ]),
      legend: [
        ...variants.map(({ name, about }) => `${name}: ${about}.`),
        ...commonLegend,
        "Differences are paired over the cases; p by Wilcoxon's signed-rank test, corrected over the variants by Holm. Every variant was trained once: another draw may change as much (variants with `refiner: { seedOffset: 1 }` show how much; with `seedOffset: 1` of their own, step 0 is another, too).",
        falseOrganLegend,
      ],
    },
    plots: [
      {
        title: "Mean Dice of every case",
        axis: "Dice",
        groups: variants.map(({ name }) => name),
        cases: measured.cases,
        series: [{ name: "Dice", values: variants.map(({ name }) => caseMeans(measured, name)) }],
      },
      {
        title: "Difference to the base, case by case",
        axis: "Dice − base",
        groups: others.map(({ name }) => name),
        cases: measured.cases,
        series: [{ name: "Dice − base", values: others.map(({ name }) => gains(measured, name)) }],
      },
    ],
    facts,
    measured,
  };
}

interface NamedDifference {
  readonly name: string;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
  /** Corrected. */
  readonly p: number;
}

function verdictOf(differences: readonly NamedDifference[], cases: number): string[] {
  const certain = differences.filter(({ p }) => p < level);
  if (certain.length > 0) return certain.map((each) => `${inWords(each)}.`);
  const least = Math.min(1, leastP(cases) * differences.length);
  if (least < level) return ["No variant differs from the base by more than the choice of cases explains."];
  const apart = differences.filter(({ low, high }) => low > 0 || high < 0);
  const few = `Too few cases for the test: with ${cases}, p corrected for ${differences.length} is at least ${least.toPrecision(2)} whatever the differences are.`;
  return apart.length === 0
    ? [few]
    : [few, `Not corrected, these intervals leave 0 out: ${apart.map(inWords).join("; ")}.`];
}

/** The least p that so many cases can have: all of them differ the same way. */
const leastP = (cases: number): number => signedRankTest(Array.from({ length: cases }, (_, at) => at + 1)).p;

const inWords = ({ name, mean, low, high }: NamedDifference): string =>
  `${name}: ${points(mean)} points of Dice against the base (${points(low)} to ${points(high)})`;

function gains(measured: Measured, arm: string): number[] {
  const before = caseMeans(measured, baseName);
  return caseMeans(measured, arm).map((value, at) => value - before[at]!);
}

const points = (dice: number): string => `${dice > 0 ? "+" : dice < 0 ? "−" : ""}${Math.abs(100 * dice).toFixed(1)}`;
