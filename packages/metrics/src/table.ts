/**
 * One table, four faces: aligned terminal text, Markdown, CSV (RFC 4180) and JSON (one object per row).
 *
 * Numbers stay numbers until they are drawn: a column says its unit and digits, a cell holds the value. Where people read, an
 * undefined number is "–" and a spread is "mean ± deviation (k ∞)", k values being infinite and left out; CSV and JSON keep full
 * precision, leave undefined cells empty (null) and give a spread or an interval columns of its own.
 */
import { ConfigError } from "@rfmedsam/base";

export interface Column {
  readonly name: string;
  /** Shown with the name, e.g. "mm". */
  readonly unit?: string;
  /** Digits after the point; a column with digits is numeric and right-aligned. */
  readonly digits?: number;
}

/** Mean and standard deviation in one cell. */
export interface Spread {
  readonly mean: number;
  readonly deviation: number;
  /** How many infinite values are in neither, where there are such. */
  readonly infinite?: number;
}

/** From one number to another. */
export interface Interval {
  readonly low: number;
  readonly high: number;
}

/** Text, a number (NaN = undefined), a spread, an interval, or nothing. */
export type Cell = string | number | Spread | Interval | null;

export interface Table {
  readonly title?: string;
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly Cell[])[];
  /** How many rows at the end are totals, set apart by a rule. */
  readonly footerRows?: number;
  /** Sentences under the table where people read it: what is counted, what is left out. */
  readonly legend?: readonly string[];
}

const undefinedValue = "–";

/** The heading of a column: name and unit. */
export const columnTitle = ({ name, unit }: Column): string => (unit === undefined ? name : `${name} [${unit}]`);

/** True when the column is drawn as numbers. */
export const isNumeric = (column: Column): boolean => column.digits !== undefined;

/** A cell as a person reads it. */
export function formatCell(cell: Cell | undefined, { digits = 3 }: Column): string {
  if (cell === null || cell === undefined) return "";
  if (typeof cell === "string") return cell;
  if (typeof cell === "number") return formatNumber(cell, digits);
  if (isInterval(cell)) {
    return Number.isNaN(cell.low)
      ? undefinedValue
      : `${formatNumber(cell.low, digits)} … ${formatNumber(cell.high, digits)}`;
  }
  const infinite = cell.infinite === undefined || cell.infinite === 0 ? "" : ` (${cell.infinite} ∞)`;
  return Number.isNaN(cell.mean)
    ? `${undefinedValue}${infinite}`
    : `${formatNumber(cell.mean, digits)} ± ${formatNumber(cell.deviation, digits)}${infinite}`;
}

function formatNumber(value: number, digits: number): string {
  if (Number.isNaN(value)) return undefinedValue;
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const text = value.toFixed(digits);
  return text.startsWith("-") ? (Number(text) === 0 ? text.slice(1) : `−${text.slice(1)}`) : text;
}

/** Wider than this a table for a terminal is broken into several, one below the other. */
const widestText = 132;
const gap = "  ";

/** The table for a terminal: columns aligned with spaces, numbers to the right. A wide one comes in blocks, each with the rows' names. */
export function renderText(table: Table): string {
  const { columns, footerRows = 0 } = table;
  const heads = columns.map(columnTitle);
  const body = cells(table);
  const widths = heads.map((head, at) => Math.max(width(head), ...body.map((row) => width(row[at] as string))));
  const lines = blocksOf(table, widths).flatMap((block, index) => {
    const line = (row: readonly string[]) =>
      block
        .map((at) => padded(row[at] as string, widths[at] as number, isNumeric(columns[at] as Column)))
        .join(gap)
        .trimEnd();
    const rule = block.map((at) => "─".repeat(widths[at] as number)).join(gap);
    const own = [line(heads), rule, ...body.map(line)];
    if (footerRows > 0 && footerRows < body.length) own.splice(own.length - footerRows, 0, rule);
    return index === 0 ? own : ["", ...own];
  });
  const legend = table.legend === undefined ? [] : ["", ...table.legend];
  return [...(table.title === undefined ? [] : [table.title, ""]), ...lines, ...legend, ""].join("\n");
}

/** Which columns stand beside each other: all, or as many as fit beside the leading columns of text, which name the rows. */
function blocksOf({ columns }: Table, widths: readonly number[]): number[][] {
  const all = columns.map((_, at) => at);
  const room = (block: readonly number[]) => block.reduce((sum, at) => sum + widths[at]! + gap.length, -gap.length);
  if (room(all) <= widestText) return [all];
  const firstNumber = columns.findIndex(isNumeric);
  const names = all.slice(0, Math.max(firstNumber, 0));
  const blocks: number[][] = [];
  for (const at of all.slice(names.length)) {
    const last = blocks.at(-1);
    if (last !== undefined && room([...last, at]) <= widestText) last.push(at);
    else blocks.push([...names, at]);
  }
  return blocks;
}

/** The table in GitHub's Markdown. */
export function renderMarkdown(table: Table): string {
  const quoted = (text: string) => text.replaceAll("\\", "\\\\").replaceAll("|", "\\|").replaceAll(/\r?\n/g, " ");
  const line = (row: readonly string[]) => `| ${row.map(quoted).join(" | ")} |`;
  const rule = `| ${table.columns.map((column) => (isNumeric(column) ? "--:" : ":--")).join(" | ")} |`;
  const lines = [line(table.columns.map(columnTitle)), rule, ...cells(table).map(line), ""];
  const legend = (table.legend ?? []).flatMap((sentence) => [sentence, ""]);
  return [...(table.title === undefined ? [] : [`**${table.title}**`, ""]), ...lines, ...legend].join("\n");
}

/** The table as comma-separated values, full precision. */
export function renderCsv(table: Table): string {
  const quoted = (value: string | number | null) => {
    const text = value === null ? "" : String(value);
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const { names, rows } = flattened(table);
  return [names, ...rows].map((row) => `${row.map(quoted).join(",")}\n`).join("");
}

/** The table as one plain object per row, for `JSON.stringify`; undefined numbers are null. */
export function tableToJson(table: Table): Record<string, string | number | null>[] {
  const { names, rows } = flattened(table);
  return rows.map((row) => Object.fromEntries(names.map((name, at) => [name, row[at] ?? null])));
}

function cells({ columns, rows }: Table): string[][] {
  return checked({ columns, rows }).map((row) => columns.map((column, at) => formatCell(row[at], column)));
}

/** Every row has a cell for every column. */
function checked({ columns, rows }: Table): Table["rows"] {
  const wrong = rows.findIndex((row) => row.length !== columns.length);
  if (wrong >= 0) {
    throw new ConfigError({
      found: `row ${wrong + 1} of a table has ${rows[wrong]?.length} cells`,
      expected: `${columns.length}, one per column`,
    });
  }
  return rows;
}

/** The plain columns a cell becomes where every number has one of its own. A spread's third is there when a row needs it. */
const parts = {
  plain: { suffixes: [""], of: (cell: Cell) => [cell as Exclude<Cell, Spread | Interval>] },
  spread: {
    suffixes: ["", " sd"],
    of: (cell: Cell) => (isSpread(cell) ? [cell.mean, cell.deviation] : [cell as number, null]),
  },
  spreadAndInfinite: {
    suffixes: ["", " sd", " infinite"],
    of: (cell: Cell) =>
      isSpread(cell) ? [cell.mean, cell.deviation, cell.infinite ?? 0] : [cell as number, null, null],
  },
  interval: {
    suffixes: [" from", " to"],
    of: (cell: Cell) => (isInterval(cell) ? [cell.low, cell.high] : [cell as number, null]),
  },
} as const;

/** Columns that hold spreads or intervals become several. */
function flattened({ columns, rows }: Table): { names: string[]; rows: (string | number | null)[][] } {
  const kinds = columns.map((_, at) => kindOf(checked({ columns, rows }).map((row) => row[at])));
  const plain = (value: string | number | null) => {
    if (typeof value !== "number" || Number.isFinite(value)) return value;
    return Number.isNaN(value) ? null : String(value);
  };
  return {
    names: columns.flatMap((column, at) => parts[kinds[at]!].suffixes.map((suffix) => columnTitle(column) + suffix)),
    rows: rows.map((row) => row.flatMap((cell, at) => parts[kinds[at]!].of(cell).map(plain))),
  };
}

function kindOf(cells: readonly (Cell | undefined)[]): keyof typeof parts {
  if (cells.some(isInterval)) return "interval";
  const spreads = cells.filter(isSpread);
  if (spreads.length === 0) return "plain";
  return spreads.some(({ infinite = 0 }) => infinite > 0) ? "spreadAndInfinite" : "spread";
}

const isObject = (cell: Cell | undefined): cell is Spread | Interval => typeof cell === "object" && cell !== null;
const isSpread = (cell: Cell | undefined): cell is Spread => isObject(cell) && "mean" in cell;
const isInterval = (cell: Cell | undefined): cell is Interval => isObject(cell) && "low" in cell;

const width = (text: string): number => [...text].length;

function padded(text: string, size: number, right: boolean): string {
  const fill = " ".repeat(size - width(text));
  return right ? fill + text : text + fill;
}
