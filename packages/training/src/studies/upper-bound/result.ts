/** The upper bound's table, plot and what it says. */
import type { Measured } from "../common/measurements.js";
import type { Study } from "../common/report.js";
import { caseMeans, commonCells, commonColumns, commonLegend, statisticsOf } from "../common/table.js";
import { armOf, type Way } from "./follow.js";
import { truePrompts } from "./prompts.js";
import { describeStrategy } from "./strategies.js";

/** @param ways the rows, in their order */
export function upperBoundStudy(measured: Measured, ways: readonly Way[], facts: Study["facts"]): Study {
  const dice = new Map(ways.map((way) => [way, statisticsOf(measured, armOf(way), "dice")]));
  const ranked = ways.filter((way) => Number.isFinite(dice.get(way)!.mean));
  const best = [...ranked].sort((a, b) => dice.get(b)!.mean - dice.get(a)!.mean)[0];
  const prompts = [...new Set(ways.map(({ prompt }) => prompt))];
  const strategies = [...new Set(ways.map(({ strategy }) => strategy))];
  const groups = ways.filter(({ prompt }) => prompt === prompts[0]);
  return {
    name: "upper-bound",
    title: "Upper bound: prompts made from the truth",
    summary: `${measured.cases.length} cases, ${measured.labels.length} labels, ${ways.length} ways to prompt.`,
    verdict: [best === undefined ? "Nothing was found to measure." : bestSentence(best, dice.get(best)!)],
    headlines:
      best === undefined ? [] : [{ name: "best mean Dice", value: dice.get(best)!.mean.toFixed(3), note: armOf(best) }],
    table: {
      title: "Prompts made from the truth, propagated through the volume",
      columns: [{ name: "prompt" }, { name: "slices" }, { name: "direction" }, ...commonColumns],
      rows: ways.map((way) => [way.prompt, way.strategy, way.direction, ...commonCells(measured, armOf(way))]),
      legend: [
        ...prompts.map((prompt) => `${prompt}: ${truePrompts[prompt].sentence}.`),
        ...strategies.map((strategy) => `${strategy}: ${describeStrategy(strategy)}.`),
        "Labels are prompted and followed one by one; what is found on a voxel by several belongs to the surest. Seconds count each slice's embedding once; the best slices are found once, in the time of the first direction.",
        ...commonLegend,
      ],
    },
    plots: [
      {
        title: "Mean Dice of every case",
        axis: "Dice",
        groups: groups.map(({ strategy, direction }) => `${strategy}, ${direction}`),
        cases: measured.cases,
        series: prompts.map((prompt) => ({
          name: prompt,
          values: groups.map((way) => caseMeans(measured, armOf({ ...way, prompt }))),
        })),
      },
    ],
    facts,
    measured,
  };
}

function bestSentence(
  { prompt, strategy, direction }: Way,
  { mean, low, high }: { mean: number; low: number; high: number },
): string {
  return `Best: ${prompt} on ${strategy}, ${direction}: mean Dice ${mean.toFixed(3)} (${low.toFixed(3)} to ${high.toFixed(3)}).`;
}
