/**
 * One self-contained HTML page about a run: tables, plots, pictures, and the facts needed to repeat it. Everything is inside the
 * file (styles, PNGs as data URIs, SVG); nothing is fetched, nothing is run. Reads on a phone, on paper, in light and dark.
 */
import { hexOf, type Rgb } from "./colours.js";
import { type Html, html, pngUri } from "./html.js";
import { type LinePlot, renderLines } from "./line-plot.js";
import { renderPlot, type StripPlot, seriesColours } from "./plot.js";
import { reportStyle } from "./report-style.js";
import { columnTitle, formatCell, isNumeric, type Table } from "./table.js";

export interface ReportPicture {
  /** The bytes of a PNG file. */
  readonly png: Uint8Array;
  readonly caption: string;
}

export interface ReportCase {
  readonly name: string;
  /** A line under the name, e.g. its Dice per stage. */
  readonly note?: string;
  readonly pictures: readonly ReportPicture[];
}

/** A figure worth a glance, at the top of the page. */
export interface Headline {
  readonly name: string;
  readonly value: string;
  readonly note?: string;
}

export interface Report {
  readonly title: string;
  /** One or two sentences under the title. */
  readonly summary?: string;
  readonly headlines?: readonly Headline[];
  readonly tables?: readonly Table[];
  readonly plots?: readonly (StripPlot | LinePlot)[];
  readonly cases?: readonly ReportCase[];
  /** Heading of the cases. */
  readonly casesTitle?: string;
  /** Colours of the labels in the pictures. */
  readonly legend?: readonly { readonly name: string; readonly colour: Rgb }[];
  /** What ran, with what, where: seed, versions, machine, options. */
  readonly facts?: readonly { readonly name: string; readonly value: string }[];
}

/** The page as one string of HTML. */
export function renderReport(report: Report): string {
  const { title, summary, headlines = [], tables = [], plots = [], cases = [], legend = [], facts = [] } = report;
  return html`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title}</title>
<style>${reportStyle}</style>
</head>
<body>
<header>
<h1>${title}</h1>
${summary !== undefined && html`<p class="summary">${summary}</p>`}
</header>
<main>
${headlines.length > 0 && html`<dl class="headlines">${headlines.map(renderHeadline)}</dl>`}
${tables.map(renderTable)}
${plots.map(renderFigure)}
${cases.length > 0 && renderCases(report.casesTitle ?? "Pictures", cases, legend)}
${facts.length > 0 && renderFacts(facts)}
</main>
</body>
</html>
`.text;
}

function renderHeadline({ name, value, note }: Headline): Html {
  return html`<div><dt>${name}</dt><dd class="value">${value}</dd>${note !== undefined && html`<dd>${note}</dd>`}</div>`;
}

function renderTable(table: Table): Html {
  const { title, columns, rows, footerRows = 0 } = table;
  const kind = (at: number) => isNumeric(columns[at] ?? { name: "" }) && html` class="number"`;
  const line = (row: Table["rows"][number]) =>
    html`<tr>${columns.map((column, at) => html`<td${kind(at)}>${formatCell(row[at], column)}</td>`)}</tr>
`;
  const body = rows.slice(0, rows.length - footerRows);
  const footer = rows.slice(rows.length - footerRows);
  return html`<section>
${title !== undefined && html`<h2>${title}</h2>`}
<div class="scroll"><table>
<thead><tr>${columns.map((column, at) => html`<th scope="col"${kind(at)}>${columnTitle(column)}</th>`)}</tr></thead>
<tbody>
${body.map(line)}</tbody>
${
  footer.length > 0 &&
  html`<tfoot>
${footer.map(line)}</tfoot>
`
}</table></div>
${table.legend?.map((sentence) => html`<p class="note">${sentence}</p>`)}
</section>
`;
}

function renderFigure(plot: StripPlot | LinePlot): Html {
  const series = "curves" in plot ? plot.curves : plot.series;
  return html`<section>
<h2>${plot.title}</h2>
<figure>
<ul class="legend">${series.map(({ name }, at) => html`<li><span class="key series-${at % seriesColours}"></span>${name}</li>`)}</ul>
${"curves" in plot ? renderLines(plot) : renderPlot(plot)}
</figure>
</section>
`;
}

function renderCases(title: string, cases: readonly ReportCase[], legend: NonNullable<Report["legend"]>): Html {
  return html`<section>
<h2>${title}</h2>
${
  legend.length > 0 &&
  html`<ul class="legend">${legend.map(
    ({ name, colour }) => html`<li><span class="key" style="background:${hexOf(colour)}"></span>${name}</li>`,
  )}</ul>`
}
${cases.map(renderCase)}
</section>
`;
}

function renderCase({ name, note, pictures }: ReportCase): Html {
  return html`<article>
<h3>${name}${note !== undefined && html` <small>${note}</small>`}</h3>
<div class="pictures">
${pictures.map(
  ({ png, caption }) =>
    html`<figure><img src="${pngUri(png)}" alt="${name}: ${caption}"><figcaption>${caption}</figcaption></figure>
`,
)}</div>
</article>
`;
}

function renderFacts(facts: NonNullable<Report["facts"]>): Html {
  return html`<section>
<h2>How this was made</h2>
<dl class="facts">${facts.map(({ name, value }) => html`<dt>${name}</dt><dd>${value}</dd>`)}</dl>
</section>
`;
}
