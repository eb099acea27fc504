/** The points of a run as curves: as data, and as the plots that files and the report show. */
import type { LinePlot, PlottedCurve } from "@rfmedsam/metrics";
import type { CurvePoint } from "./points.js";

/** The curves of one stage: everything as long as `iterations`, `null` where a point lacks a value. */
export interface StageCurves {
  readonly iterations: readonly number[];
  readonly values: Readonly<Record<string, readonly (number | null)[]>>;
  /** Mean seconds of a step. */
  readonly seconds: readonly number[];
  /** Bytes the process held. */
  readonly memory: readonly number[];
}

/** By stage, in the order in which the stages began. */
export type RunCurves = Readonly<Record<string, StageCurves>>;

/** @param points of one stage in ascending order of their iterations */
export function curvesOf(points: readonly CurvePoint[]): RunCurves {
  const byStage = new Map<string, CurvePoint[]>();
  for (const point of points) {
    const known = byStage.get(point.stage);
    if (known === undefined) byStage.set(point.stage, [point]);
    else known.push(point);
  }
  return Object.fromEntries(
    [...byStage].map(([stage, own]) => {
      const names = [...new Set(own.flatMap(({ values }) => Object.keys(values)))];
      return [
        stage,
        {
          iterations: own.map(({ iteration }) => iteration),
          values: Object.fromEntries(names.map((name) => [name, own.map(({ values }) => values[name] ?? null)])),
          seconds: own.map(({ seconds }) => seconds),
          memory: own.map(({ memory }) => memory),
        },
      ];
    }),
  );
}

/** A plot and the name of its file, without ending. */
export interface NamedPlot extends LinePlot {
  readonly file: string;
}

interface Family {
  readonly title: string;
  readonly unit?: string;
  readonly logarithmic?: boolean;
}

/** Figures of a step that are no losses, by the names loop and trainers give them; and what every point has. */
const families: Readonly<Record<string, Family>> = {
  learningRate: { title: "learning rate" },
  gradient: { title: "norm of the gradient", logarithmic: true },
  seconds: { title: "time per step", unit: "s" },
  memory: { title: "memory of the process", unit: "GiB" },
};

const isLoss = (name: string) => !Object.hasOwn(families, name);

/** The most curves that can be told apart in one plot. */
const curvesPerPlot = 6;

/**
 * The plots of a run. Stages that differ in what follows their first colon ("step 0: training U-Net 1 of 5") share their plots, a curve
 * each; the losses of a stage that stands alone are the curves of one plot.
 */
export function plotsOf(curves: RunCurves): NamedPlot[] {
  const parts = new Map<string, string[]>();
  for (const stage of Object.keys(curves)) {
    const part = stage.split(":")[0]!;
    parts.set(part, [...(parts.get(part) ?? []), stage]);
  }
  return [...parts].flatMap(([part, stages]) => plotsOfPart(part, stages, curves));
}

function plotsOfPart(part: string, stages: readonly string[], curves: RunCurves): NamedPlot[] {
  const named = (stage: string) => (stages.length === 1 ? stage : stage.slice(part.length + 1).trim() || stage);
  const names = [...new Set(stages.flatMap((stage) => Object.keys(curves[stage]!.values)))];
  const losses = names.filter(isLoss);
  const perStage = (name: string): PlottedCurve[] =>
    stages.map((stage) => curveOf(curves[stage]!, name, named(stage))).filter(({ x }) => x.length > 0);
  const lossPlots: { title: string; curves: PlottedCurve[] }[] =
    stages.length === 1
      ? [{ title: "losses", curves: losses.map((name) => curveOf(curves[stages[0]!]!, name, name)) }]
      : losses.map((name) => ({ title: name, curves: perStage(name) }));
  const others = [...names.filter((name) => !isLoss(name)), "seconds", "memory"];
  return [
    ...lossPlots.map(({ title, curves: own }) => ({ title, axis: title, logarithmic: true, curves: own })),
    ...others.map((name) => {
      const { title, ...family } = families[name]!;
      return { title, axis: title, ...family, curves: perStage(name) };
    }),
  ].flatMap((plot) => split(plot, part));
}

/** @returns the plot, or several where it has too many curves */
function split(plot: Omit<NamedPlot, "file" | "across">, part: string): NamedPlot[] {
  const count = Math.ceil(plot.curves.length / curvesPerPlot);
  return Array.from({ length: count }, (_, at) => {
    const which = count === 1 ? "" : ` (${at + 1} of ${count})`;
    return {
      ...plot,
      title: `${part}: ${plot.title}${which}`,
      across: "step",
      curves: plot.curves.slice(at * curvesPerPlot, (at + 1) * curvesPerPlot),
      file: slug(`${part} ${plot.title}${which}`),
    };
  });
}

const gibibyte = 2 ** 30;

function curveOf(stage: StageCurves, name: string, title: string): PlottedCurve {
  const values = name === "seconds" ? stage.seconds : name === "memory" ? stage.memory : (stage.values[name] ?? []);
  const scale = families[name]?.unit === "GiB" ? gibibyte : 1;
  const present = values.flatMap((value, at) => (value === null ? [] : [at]));
  return { name: title, x: present.map((at) => stage.iterations[at]!), y: present.map((at) => values[at]! / scale) };
}

const slug = (text: string) =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
