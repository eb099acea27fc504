/**
 * A box and strip plot as inline SVG: one row per group (organ), in it one box per series (stage) over its single values.
 *
 * The box spans the quartiles with a line at the median, whiskers reach the extremes; fewer than four values are shown as points
 * and their median only. Infinite values have no place on the axis: how many there are stands at its end. Colours are CSS variables of the page (`--series-0` …), so that the plot follows light and dark.
 */
import { rangeOf, shortest, ticksOf, widened } from "./axis.js";
import { type Html, html } from "./html.js";
import { quantile } from "./summary.js";

export interface PlotSeries {
  readonly name: string;
  /** `values[group][i]`; NaN is left out. */
  readonly values: readonly (readonly number[])[];
}

export interface StripPlot {
  readonly title: string;
  /** What the axis measures, e.g. "Dice". */
  readonly axis: string;
  readonly unit?: string;
  readonly groups: readonly string[];
  readonly series: readonly PlotSeries[];
  /** Names of the single values, shown when pointing at them; the same for all groups. */
  readonly cases?: readonly string[];
  /** Ends of the axis; from the values unless given. */
  readonly range?: readonly [low: number, high: number];
}

/** How many series have a colour of their own on the page. */
export const seriesColours = 6;

const width = 480;
/** Width of a character of a group's name; names beyond the longest are cut with an ellipsis. */
const characterWidth = 6.9;
const longestName = 22;
const rightMargin = 14;
/** Room at the end of the axis for "12 ∞". */
const infiniteMargin = 38;
const rowHeight = 13;
const groupGap = 10;
const axisHeight = 34;

/** The plot as an `<svg>` element, as wide as its container. */
export function renderPlot(plot: StripPlot): Html {
  const { groups, series, axis, unit, title } = plot;
  const [low, high] = widened(plot.range ?? rangeOf(series.flatMap(({ values }) => values.flat())));
  const left = Math.ceil(characterWidth * Math.max(8, ...groups.map((group) => [...shortened(group)].length))) + 10;
  const infinite = series.some(({ values }) => values.some((row) => row.some(isInfinite)));
  const span = width - left - (infinite ? infiniteMargin : rightMargin);
  const place = (value: number) => left + (span * (value - low)) / (high - low);
  const groupHeight = series.length * rowHeight + groupGap;
  const bottom = groups.length * groupHeight;
  const ticks = ticksOf(low, high);
  return html`<svg class="plot" viewBox="0 0 ${width} ${bottom + axisHeight}" role="img" aria-label="${title}">
${ticks.map((tick) => gridLine(place(tick), bottom, tick))}
${groups.map((group, row) => drawGroup(plot, { group, row, groupHeight, left }, place))}
<text class="axis" x="${left + span / 2}" y="${bottom + 30}" text-anchor="middle">${axis}${
    unit !== undefined && ` [${unit}]`
  }</text>
</svg>`;
}

function gridLine(x: number, bottom: number, tick: number): Html {
  return html`<line class="grid" x1="${x.toFixed(1)}" x2="${x.toFixed(1)}" y1="0" y2="${bottom}"/><text class="tick" x="${x.toFixed(1)}" y="${bottom + 14}" text-anchor="middle">${shortest(tick)}</text>`;
}

function drawGroup(
  { series, cases }: StripPlot,
  { group, row, groupHeight, left }: { group: string; row: number; groupHeight: number; left: number },
  place: (value: number) => number,
): Html {
  const top = row * groupHeight + groupGap / 2;
  const middle = top + (series.length * rowHeight) / 2;
  return html`<text class="group" x="${left - 8}" y="${middle.toFixed(1)}" text-anchor="end" dominant-baseline="central">${shortened(group)}</text>
${series.map(({ name, values }, at) => {
  const y = top + (at + 0.5) * rowHeight;
  const named = (values[row] ?? []).map((value, index) => ({ value, name: cases?.[index] ?? `${index + 1}` }));
  return html`<g class="series-${at % seriesColours}">${drawSeries(named, name, y, place)}${drawInfinite(named, y)}</g>
`;
})}`;
}

function drawSeries(
  values: readonly { value: number; name: string }[],
  series: string,
  y: number,
  place: (value: number) => number,
): Html {
  const present = values.filter(({ value }) => Number.isFinite(value));
  const sorted = present.map(({ value }) => value).sort((a, b) => a - b);
  if (sorted.length === 0) return html``;
  const x = (share: number) => place(quantile(sorted, share)).toFixed(1);
  const [top, bottom] = [(y - 4).toFixed(1), (y + 4).toFixed(1)];
  const boxWidth = Math.max(1, Number(x(0.75)) - Number(x(0.25))).toFixed(1);
  const box =
    sorted.length >= 4 &&
    html`<line class="whisker" x1="${x(0)}" x2="${x(1)}" y1="${y}" y2="${y}"/><rect class="box" x="${x(0.25)}" y="${top}" width="${boxWidth}" height="8" rx="1.5"/>`;
  return html`${box}${present.map(
    ({ value, name }, index) =>
      html`<circle cx="${place(value).toFixed(1)}" cy="${(y + spread(index)).toFixed(1)}" r="1.7"><title>${name}, ${series}: ${value.toFixed(3)}</title></circle>`,
  )}<line class="median" x1="${x(0.5)}" x2="${x(0.5)}" y1="${top}" y2="${bottom}"/>`;
}

const isInfinite = (value: number): boolean => Math.abs(value) === Number.POSITIVE_INFINITY;

function drawInfinite(values: readonly { value: number; name: string }[], y: number): Html | false {
  const names = values.filter(({ value }) => isInfinite(value)).map(({ name }) => name);
  return (
    names.length > 0 &&
    html`<text class="infinite" x="${width - 2}" y="${y.toFixed(1)}" text-anchor="end" dominant-baseline="central"><title>${names.join(", ")}</title>${names.length} ∞</text>`
  );
}

const shortened = (name: string): string =>
  [...name].length > longestName ? `${[...name].slice(0, longestName - 1).join("")}…` : name;

/** Points next to each other: up and down by the golden ratio, always the same. */
const spread = (index: number): number => (((index * 0.618034) % 1) - 0.5) * 6;
