/**
 * Curves over the steps of a run as inline SVG: a line for the mean of neighbouring points, behind it a band from the least to the
 * most of them. Colours are those of the page, as in `plot.ts`.
 */
import { logTicksOf, rangeOf, shortest, ticksOf, widened } from "./axis.js";
import { type Html, html } from "./html.js";
import { seriesColours } from "./plot.js";
import { plotStyle } from "./report-style.js";

export interface PlottedCurve {
  readonly name: string;
  /** Ascending. */
  readonly x: readonly number[];
  /** As long as `x`; values that are not finite are left out. */
  readonly y: readonly number[];
}

export interface LinePlot {
  readonly title: string;
  /** What the horizontal axis counts, e.g. "step". */
  readonly across: string;
  /** What the vertical axis measures, e.g. "loss". */
  readonly axis: string;
  readonly unit?: string;
  /** At most six have a colour of their own. */
  readonly curves: readonly PlottedCurve[];
  /** Powers of ten at equal distances; falls back to a plain axis when a value is not above 0. */
  readonly logarithmic?: boolean;
}

const width = 480;
const height = 190;
const margins = { left: 56, right: 14, top: 8, bottom: 36 };
/** Points of a drawn line; more cannot be told apart. */
const drawnPoints = 160;

/** The plot as an `<svg>` element, as wide as its container. */
export function renderLines(plot: LinePlot): Html {
  return html`<svg class="plot" viewBox="0 0 ${width} ${height}" role="img" aria-label="${plot.title}">
${drawLines(plot)}</svg>`;
}

/** The same as a file of its own, with title and legend inside. */
export function linesFile(plot: LinePlot): string {
  const head = 40 + 15 * Math.ceil(plot.curves.length / 2);
  return html`<svg xmlns="http://www.w3.org/2000/svg" class="plot" width="960" height="${2 * (head + height)}" viewBox="0 ${-head} ${width} ${head + height}" role="img" aria-label="${plot.title}">
<style>${plotStyle}</style>
<text class="group" x="8" y="${20 - head}">${plot.title}</text>
${plot.curves.map(({ name }, at) => {
  const [x, y] = [8 + (at % 2) * (width / 2), 36 - head + 15 * Math.floor(at / 2)];
  return html`<g class="series-${at % seriesColours}"><rect class="key" x="${x}" y="${y - 8}" width="9" height="9" rx="2"/><text x="${x + 15}" y="${y}">${name}</text></g>
`;
})}${drawLines(plot)}</svg>
`.text;
}

interface Axis {
  readonly place: (value: number) => number;
  readonly ticks: readonly number[];
}

function drawLines({ curves, across, axis, unit, logarithmic = false }: LinePlot): Html {
  const lines = curves.map(({ x, y }) => thinned(x, y));
  const [bottom, right] = [height - margins.bottom, width - margins.right];
  const values = lines.flatMap((line) => line.flatMap(({ low, high }) => [low, high]));
  const log = logarithmic && values.length > 0 && values.every((value) => value > 0);
  const [from, to] = widened(extent(lines.flatMap((line) => line.map(({ x }) => x))));
  const horizontal: Axis = {
    place: (value) => margins.left + ((value - from) / (to - from)) * (right - margins.left),
    ticks: ticksOf(from, to),
  };
  const vertical = log ? logAxis(values, bottom) : plainAxis(values, bottom);
  return html`${horizontal.ticks.map((tick) => {
    const x = horizontal.place(tick).toFixed(1);
    return html`<line class="grid" x1="${x}" x2="${x}" y1="${margins.top}" y2="${bottom}"/><text class="tick" x="${x}" y="${bottom + 14}" text-anchor="middle">${shortest(tick)}</text>
`;
  })}${vertical.ticks.map((tick) => {
    const y = vertical.place(tick).toFixed(1);
    return html`<line class="grid" x1="${margins.left}" x2="${right}" y1="${y}" y2="${y}"/><text class="tick" x="${margins.left - 6}" y="${y}" text-anchor="end" dominant-baseline="central">${shortest(tick)}</text>
`;
  })}${lines.map(
    (line, at) => html`<g class="series-${at % seriesColours}">${drawLine(line, horizontal, vertical)}</g>
`,
  )}<text class="axis" x="${(margins.left + right) / 2}" y="${height - 6}" text-anchor="middle">${across}</text>
<text class="axis" x="12" y="${bottom / 2}" text-anchor="middle" transform="rotate(-90 12 ${bottom / 2})">${axis}${
    unit !== undefined && ` [${unit}]`
  }</text>
`;
}

function plainAxis(values: readonly number[], bottom: number): Axis {
  const [low, high] = widened(rangeOf(values));
  return {
    place: (value) => bottom - ((value - low) / (high - low)) * (bottom - margins.top),
    ticks: ticksOf(low, high),
  };
}

/** @param values above 0 */
function logAxis(values: readonly number[], bottom: number): Axis {
  const [low, high] = extent(values).map(Math.log10) as [number, number];
  // Less than a factor of two would leave an axis without ticks.
  const [from, to] = high - low > 0.3 ? [low, high] : [(low + high) / 2 - 0.3, (low + high) / 2 + 0.3];
  return {
    place: (value) => bottom - ((Math.log10(value) - from) / (to - from)) * (bottom - margins.top),
    ticks: logTicksOf(10 ** from, 10 ** to),
  };
}

function extent(values: readonly number[]): readonly [number, number] {
  if (values.length === 0) return [0, 1];
  return values.reduce<readonly [number, number]>(
    ([low, high], value) => [Math.min(low, value), Math.max(high, value)],
    [values[0]!, values[0]!],
  );
}

/** A few neighbouring points of a curve. */
interface Drawn {
  readonly x: number;
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/** Neighbours put together until few enough points are left. */
function thinned(x: readonly number[], y: readonly number[]): Drawn[] {
  const present = y.flatMap((value, at) => (Number.isFinite(value) && Number.isFinite(x[at]) ? [at] : []));
  const each = Math.max(1, Math.ceil(present.length / drawnPoints));
  return Array.from({ length: Math.ceil(present.length / each) }, (_, block) => {
    const own = present.slice(block * each, (block + 1) * each);
    const values = own.map((at) => y[at]!);
    return {
      x: x[own.at(-1)!]!,
      mean: values.reduce((sum, value) => sum + value / values.length, 0),
      low: Math.min(...values),
      high: Math.max(...values),
    };
  });
}

function drawLine(line: readonly Drawn[], { place: across }: Axis, { place: up }: Axis): Html | false {
  const at = (x: number, y: number) => `${across(x).toFixed(1)},${up(y).toFixed(1)}`;
  const [only] = line;
  if (only === undefined) return false;
  if (line.length === 1)
    return html`<circle cx="${across(only.x).toFixed(1)}" cy="${up(only.mean).toFixed(1)}" r="2"/>`;
  const banded = line.some(({ low, high }) => high > low);
  const edge = [...line.map(({ x, high }) => at(x, high)), ...[...line].reverse().map(({ x, low }) => at(x, low))];
  return html`${banded && html`<polygon class="band" points="${edge.join(" ")}"/>`}<polyline class="curve" points="${line.map(({ x, mean }) => at(x, mean)).join(" ")}"/>`;
}
