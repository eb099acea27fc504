import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { renderCsv, renderMarkdown, renderText, type Table, tableToJson } from "./table.js";

const table: Table = {
  title: "Dice",
  columns: [{ name: "organ" }, { name: "Dice", digits: 2 }, { name: "time", unit: "s", digits: 1 }],
  rows: [
    ["liver", { mean: 0.956, deviation: 0.012 }, 12.34],
    ["left | kidney", { mean: Number.NaN, deviation: Number.NaN }, -0.04],
    ["mean", 0.5, null],
  ],
  footerRows: 1,
};

describe("a table", () => {
  test("for a terminal has its numbers under each other", () => {
    expect(renderText(table).split("\n")).toEqual([
      "Dice",
      "",
      "organ                 Dice  time [s]",
      "─────────────  ───────────  ────────",
      "liver          0.96 ± 0.01      12.3",
      "left | kidney            –       0.0",
      "─────────────  ───────────  ────────",
      "mean                  0.50",
      "",
    ]);
  });

  test("too wide for a terminal comes in parts, each with the rows' names", () => {
    const columns = [
      { name: "organ" },
      { name: "side" },
      ...Array.from({ length: 20 }, (_, n) => ({ name: `score ${n}`, digits: 1 })),
    ];
    const wide: Table = {
      columns,
      rows: [["kidney", "left", ...columns.slice(2).map((_, n) => n)]],
      legend: ["Scores."],
    };
    const text = renderText(wide);
    const lines = text.split("\n");
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(132);
    expect(lines.filter((line) => line.startsWith("kidney  left"))).toHaveLength(2);
    for (const { name } of columns.slice(2)) expect(text.match(new RegExp(`${name}(?!\\d)`, "g"))).toHaveLength(1);
    expect(lines.filter((line) => line === "Scores.")).toHaveLength(1);
  });

  test("in Markdown escapes its bars", () => {
    expect(renderMarkdown(table).split("\n")).toEqual([
      "**Dice**",
      "",
      "| organ | Dice | time [s] |",
      "| :-- | --: | --: |",
      "| liver | 0.96 ± 0.01 | 12.3 |",
      "| left \\| kidney | – | 0.0 |",
      "| mean | 0.50 |  |",
      "",
    ]);
  });

  test("as CSV and JSON keeps all digits and splits spreads", () => {
    expect(renderCsv(table)).toBe(
      "organ,Dice,Dice sd,time [s]\nliver,0.956,0.012,12.34\nleft | kidney,,,-0.04\nmean,0.5,,\n",
    );
    expect(tableToJson(table)[0]).toEqual({ organ: "liver", Dice: 0.956, "Dice sd": 0.012, "time [s]": 12.34 });
    expect(tableToJson(table)[1]).toMatchObject({ Dice: null, "Dice sd": null });
  });

  test("says how many values are infinite and in no mean", () => {
    const distances: Table = {
      columns: [
        { name: "HD95", unit: "mm", digits: 1 },
        { name: "interval", digits: 1 },
      ],
      rows: [
        [
          { mean: 2.5, deviation: 0.5, infinite: 2 },
          { low: 2, high: 3 },
        ],
        [
          { mean: Number.NaN, deviation: Number.NaN, infinite: 3 },
          { low: Number.NaN, high: Number.NaN },
        ],
        [{ mean: 1, deviation: 0, infinite: 0 }, null],
      ],
      legend: ["(k ∞): infinite."],
    };
    expect(renderText(distances).split("\n")).toEqual([
      "      HD95 [mm]   interval",
      "───────────────  ─────────",
      "2.5 ± 0.5 (2 ∞)  2.0 … 3.0",
      "        – (3 ∞)          –",
      "      1.0 ± 0.0",
      "",
      "(k ∞): infinite.",
      "",
    ]);
    expect(renderMarkdown(distances)).toMatch(/\n\n?\(k ∞\): infinite\.\n$/);
    expect(renderCsv(distances)).toBe(
      "HD95 [mm],HD95 [mm] sd,HD95 [mm] infinite,interval from,interval to\n2.5,0.5,2,2,3\n,,3,,\n1,0,0,,\n",
    );
  });

  test("refuses rows of another length", () => {
    expect(() => renderText({ columns: [{ name: "a" }], rows: [["x", "y"]] })).toThrow(/row 1 of a table has 2 cells/);
  });

  test.prop([fc.array(fc.tuple(fc.string(), fc.string()), { maxLength: 5 })])(
    "survives the way through CSV",
    (rows) => {
      const csv = renderCsv({ columns: [{ name: "a" }, { name: "b" }], rows });
      expect(parseCsv(csv).slice(1)).toEqual(rows.map((row) => [...row]));
    },
  );
});

/** A reader of RFC 4180, as simple as it gets. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [[]];
  const cells = /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\n)/gy;
  for (const [, quoted, plain, end] of text.matchAll(cells)) {
    rows.at(-1)?.push(quoted === undefined ? (plain as string) : quoted.replaceAll('""', '"'));
    if (end === "\n") rows.push([]);
  }
  return rows.slice(0, -1);
}
