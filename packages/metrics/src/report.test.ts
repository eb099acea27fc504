import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import { escapeHtml } from "./html.js";
import { toPng } from "./picture.js";
import { type Report, renderReport } from "./report.js";

const png = toPng({ width: 2, height: 2, data: new Uint8Array(12).fill(90) });

/** A report in which every text is the given one. */
function reportOf(text: string, values: readonly number[] = [0.5, 0.7, 0.8, 0.9]): Report {
  return {
    title: text,
    summary: text,
    headlines: [{ name: text, value: text, note: text }],
    tables: [
      {
        title: text,
        columns: [{ name: text }, { name: text, unit: text, digits: 2 }],
        rows: [
          [text, 0.5],
          [text, { mean: 0.5, deviation: 0.1 }],
          [text, Number.NaN],
        ],
        footerRows: 1,
      },
    ],
    plots: [
      {
        title: text,
        axis: text,
        unit: text,
        groups: [text],
        series: [{ name: text, values: [values] }],
        cases: [text],
      },
    ],
    cases: [{ name: text, note: text, pictures: [{ png, caption: text }] }],
    legend: [{ name: text, colour: [1, 2, 3] }],
    facts: [{ name: text, value: text }],
  };
}

/** Elements that have no end tag in HTML. */
const empty = new Set(["meta", "img"]);

/** Every tag is closed in order and every attribute quoted; returns the text between the tags and the attributes' values. */
function parse(page: string): { texts: string[]; attributes: [string, string][] } {
  const open: string[] = [];
  const texts: string[] = [];
  const attributes: [string, string][] = [];
  const body = page.replace(/^<!DOCTYPE html>\n/, "").replace(/<style>[^<]*<\/style>/, "");
  const tag = /<(\/?)([a-z][a-z0-9]*)((?: [a-zA-Z0-9-]+="[^"<>]*")*)(\/?)>/g;
  let from = 0;
  for (const match of body.matchAll(tag)) {
    texts.push(body.slice(from, match.index));
    from = match.index + match[0].length;
    const [, end, name, list, alone] = match as unknown as [string, string, string, string, string];
    if (end) expect(open.pop()).toBe(name);
    else if (!alone && !empty.has(name)) open.push(name);
    for (const [, key, value] of list.matchAll(/ ([a-zA-Z0-9-]+)="([^"]*)"/g)) attributes.push([key!, value!]);
  }
  texts.push(body.slice(from));
  expect(open).toEqual([]);
  return { texts, attributes };
}

/** Text without stray markup, entities resolved. */
function plainText(text: string): string {
  expect(text).not.toMatch(/[<>]|&(?!(amp|lt|gt|quot|#39);)/);
  return text
    .replaceAll("&lt;", "<")
    .replaceAll("&gt;", ">")
    .replaceAll("&quot;", '"')
    .replaceAll("&#39;", "'")
    .replaceAll("&amp;", "&");
}

describe("a report", () => {
  const nasty = fc.oneof(fc.string(), fc.string({ unit: fc.constantFrom(..."<>&\"'=/ abscript!--]".split("")) }));

  test.prop([nasty, fc.array(fc.oneof(fc.double({ min: -5, max: 5 }), fc.constant(Number.NaN)))])(
    "is well-formed whatever its texts and numbers are",
    (text, values) => {
      const { texts, attributes } = parse(renderReport(reportOf(text, values)));
      for (const each of [...texts, ...attributes.map(([, value]) => value)]) plainText(each);
      expect(texts.map(plainText)).toContain(plainText(escapeHtml(text)));
      for (const [key, value] of attributes) {
        if (/^([xy][12]?|c[xy])$/.test(key)) expect(Number(value)).not.toBeNaN();
      }
    },
  );

  test("fetches nothing and runs nothing", () => {
    const page = renderReport(reportOf("plain"));
    expect(page).not.toMatch(/https?:|\/\/[a-z]|@import|<script|<link|<iframe|url\(/i);
    const { attributes } = parse(page);
    expect(attributes.filter(([key]) => key === "href" || key.startsWith("on"))).toEqual([]);
    for (const [, source] of attributes.filter(([key]) => key === "src")) {
      expect(source).toBe(`data:image/png;base64,${Buffer.from(png).toString("base64")}`);
    }
  });

  test("aligns its numbers and sets totals apart", () => {
    const page = renderReport(reportOf("plain"));
    expect(page).toContain('<td class="number">0.50</td>');
    expect(page).toContain('<td class="number">0.50 ± 0.10</td>');
    expect(page).toMatch(/<tfoot>\s*<tr><td>plain<\/td><td class="number">–<\/td><\/tr>\s*<\/tfoot>/);
  });

  test("says what has no place on an axis, and what a table's legend says", () => {
    const { plots: [plot] = [], tables: [table] = [] } = reportOf("plain", [1, 2, Number.POSITIVE_INFINITY, 3]);
    const page = renderReport({
      title: "t",
      plots: [plot!],
      tables: [{ ...table!, legend: ["a & b"] }],
      casesTitle: "x",
    });
    parse(page);
    expect(page).toMatch(/<text class="infinite"[^>]*><title>3<\/title>1 ∞<\/text>/);
    expect(page).toContain('<p class="note">a &amp; b</p>');
    expect(renderReport(reportOf("plain"))).not.toContain("∞");
  });

  test("leaves out what it was not given", () => {
    const page = renderReport({ title: "Nothing yet" });
    parse(page);
    expect(page).not.toMatch(/<section|<table|<svg|<h2/);
  });

  test("is the same for the same data", () => {
    expect(renderReport(reportOf("plain"))).toBe(renderReport(reportOf("plain")));
  });
});
