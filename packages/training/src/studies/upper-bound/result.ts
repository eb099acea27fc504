/** The upper bound's table, plot and what it says. */
import { intervalInWords, type StripPlot } from "@rfmedsam/metrics";
import { stageInWords } from "@rfmedsam/segmenter";
import type { Measured } from "../common/measurements.js";
import type { Study } from "../common/report.js";
import { caseMeans, commonCells, commonColumns, commonLegend, statisticsOf } from "../common/table.js";
import { armOf, type Way } from "./follow.js";
import { truePrompts } from "./prompts.js";
import { describeStrategy, notFollowed } from "./strategies.js";
import { armOfStage, promptedStages, truthAsStep0 } from "./through-stages.js";

/** @param ways the rows, in their order @param through whether rows of the model's own stages follow them */
export function upperBoundStudy(
  measured: Measured,
  ways: readonly Way[],
  through: boolean,
  facts: Study["facts"],
): Study {
  const dice = new Map(ways.map((way) => [way, statisticsOf(measured, armOf(way), "dice")]));
  const ranked = ways.filter((way) => Number.isFinite(dice.get(way)!.mean));
  const best = [...ranked].sort((a, b) => dice.get(b)!.mean - dice.get(a)!.mean)[0];
  const prompts = [...new Set(ways.map(({ prompt }) => prompt))];
  const strategies = [...new Set(ways.map(({ strategy }) => strategy))];
  const groups = ways.filter(({ prompt }) => prompt === prompts[0]);
  return {
    name: "upper-bound",
    title: "Upper bound: prompts made from the truth",
    summary: `${measured.cases.length} cases, ${measured.labels.length} labels, ${ways.length + (through ? promptedStages.length : 0)} rows.`,
    verdict: [
      ...(best === undefined
        ? through
          ? []
          : ["Nothing was found to measure."]
        : [bestSentence(best, dice.get(best)!)]),
      ...(through ? [throughSentence(measured)] : []),
    ],
    headlines:
      best === undefined ? [] : [{ name: "best mean Dice", value: dice.get(best)!.mean.toFixed(3), note: armOf(best) }],
    table: {
      title: "Prompts made from the truth, propagated through the volume",
      columns: [{ name: "prompt" }, { name: "slices" }, { name: "direction" }, ...commonColumns],
      rows: [
        ...ways.map((way) => [way.prompt, way.strategy, way.direction, ...commonCells(measured, armOf(way))]),
        ...(through ? promptedStages : []).map((stage) => [
          truthAsStep0,
          "as the model asks",
          stageInWords(stage),
          ...commonCells(measured, armOfStage(stage)),
        ]),
      ],
      legend: [
        ...prompts.map((prompt) => `${prompt}: ${truePrompts[prompt].sentence}.`),
        ...strategies.map((strategy) => `${strategy}: ${describeStrategy(strategy)}.`),
        ...(through ? [`${truthAsStep0}: the truth in the place of step 0, refined by the model's own stages.`] : []),
        "Labels are prompted and followed one by one; what is found on a voxel by several belongs to the surest. Seconds count each slice's embedding once; the best slices are found once, in the time of the first direction.",
        ...commonLegend,
      ],
    },
    plots: [
      ...(through ? [throughPlot(measured)] : []),
      ...(ways.length === 0 ? [] : [waysPlot(measured, groups, prompts)]),
    ],
    facts,
    measured,
  };
}
function waysPlot(measured: Measured, groups: readonly Way[], prompts: readonly Way["prompt"][]): StripPlot {
  return {
    title: "Mean Dice of every case",
    axis: "Dice",
    groups: groups.map(({ strategy, direction }) =>
      direction === notFollowed ? strategy : `${strategy}, ${direction}`,
    ),
    cases: measured.cases,
    series: prompts.map((prompt) => ({
      name: prompt,
      values: groups.map((way) => caseMeans(measured, armOf({ ...way, prompt }))),
    })),
  };
}

function throughPlot(measured: Measured): StripPlot {
  return {
    title: "Mean Dice of every case, the truth in the place of step 0",
    axis: "Dice",
    groups: promptedStages.map(stageInWords),
    cases: measured.cases,
    series: [{ name: truthAsStep0, values: promptedStages.map((stage) => caseMeans(measured, armOfStage(stage))) }],
  };
}

function throughSentence(measured: Measured): string {
  const means = promptedStages.map((stage) => {
    const { mean } = statisticsOf(measured, armOfStage(stage), "dice");
    return `${stageInWords(stage)} ${mean.toFixed(3)}`;
  });
  return `The truth in the place of step 0: mean Dice of ${means.join(", ")}.`;
}

function bestSentence({ prompt, strategy, direction }: Way, dice: { mean: number; low: number; high: number }): string {
  const way = direction === notFollowed ? strategy : `${strategy}, ${direction}`;
  return `Best: ${prompt} on ${way}: mean Dice ${dice.mean.toFixed(3)} (${intervalInWords(dice)}).`;
}
