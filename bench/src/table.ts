/** The results as a table for people. */
import type { Measurement } from "./measure.js";
import { median, pairedRatio } from "./statistics.js";

/** Sides that compute the same agree this well: float32 sums taken in another order. */
export const agreement = 1e-3;

const headings = ["", "TypeScript", "Python", "ratio (least – most)", "peak memory"] as const;

export function renderTable(results: ReadonlyMap<string, Measurement>): string {
  return renderCells([headings, ...[...results].map(([name, result]) => cellsOf(name, result))]);
}

/** Columns that line up under the first row, names at the left and numbers at the right of theirs. */
export function renderCells(rows: readonly (readonly string[])[]): string {
  const widths = rows[0]!.map((_, column) => Math.max(...rows.map((cells) => cells[column]!.length)));
  const render = (cells: readonly string[]) =>
    cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join("   ");
  const [head, ...body] = rows.map(render);
  return [head!, "─".repeat(head!.length), ...body].join("\n");
}

function cellsOf(name: string, { typescript, python, discrepancy = 0 }: Measurement): readonly string[] {
  const ours = formatSeconds(median(typescript.seconds));
  if (python === undefined) return [name, ours, "", "", formatBytes(typescript.peakBytes)];
  const { median: middle, least, most } = pairedRatio(typescript.seconds, python.seconds);
  const ratio = `${middle.toFixed(2)} (${least.toFixed(2)} – ${most.toFixed(2)})`;
  return [
    discrepancy > agreement ? `${name} (results differ!)` : name,
    ours,
    formatSeconds(median(python.seconds)),
    ratio,
    `${formatBytes(typescript.peakBytes)} : ${formatBytes(python.peakBytes)}`,
  ];
}

/** Three digits and the unit that suits. */
export function formatSeconds(seconds: number): string {
  const units: readonly (readonly [number, string])[] = [
    [1, "s"],
    [1e-3, "ms"],
    [1e-6, "µs"],
  ];
  const [scale, unit] = units.find(([least]) => seconds >= least) ?? [1e-9, "ns"];
  return `${(seconds / scale).toPrecision(3)} ${unit}`;
}

export function formatBytes(bytes: number): string {
  return `${Math.round(bytes / 2 ** 20)} MiB`;
}
