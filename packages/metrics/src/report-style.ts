/** The report's style sheet. Series colours are Okabe & Ito's, darkened on white and lightened on black for contrast. */
import { Html } from "./html.js";

const plotRules = `
.series-0 { color: var(--series-0); } .series-1 { color: var(--series-1); } .series-2 { color: var(--series-2); }
.series-3 { color: var(--series-3); } .series-4 { color: var(--series-4); } .series-5 { color: var(--series-5); }
.plot { display: block; width: 100%; max-width: 46rem; height: auto; font-size: 11px; }
.plot text { fill: var(--soft); } .plot .group { fill: var(--ink); font-size: 12px; }
.plot .grid { stroke: var(--line); stroke-width: 0.75; }
.plot .whisker { stroke: currentColor; stroke-width: 1; opacity: 0.6; }
.plot .box { fill: currentColor; fill-opacity: 0.25; stroke: currentColor; stroke-width: 0.9; }
.plot circle { fill: currentColor; fill-opacity: 0.75; }
.plot .median { stroke: currentColor; stroke-width: 2.2; }
.plot .curve { fill: none; stroke: currentColor; stroke-width: 1.6; stroke-linejoin: round; }
.plot .band { fill: currentColor; fill-opacity: 0.16; stroke: none; }
`;

const colours = `
:root {
  --paper: #ffffff; --ink: #1b1f24; --soft: #5a6470; --line: #d9dee4; --tile: #f4f6f8;
  --series-0: #8a8f98; --series-1: #b35c00; --series-2: #0067a8; --series-3: #007a58; --series-4: #a8407f; --series-5: #7a6a00;
}
@media (prefers-color-scheme: dark) {
  :root {
    --paper: #14171a; --ink: #e8ebee; --soft: #9aa5b1; --line: #333a42; --tile: #1e2328;
    --series-0: #a7adb6; --series-1: #f0913a; --series-2: #5cb6ee; --series-3: #2fc79a; --series-4: #e091c2; --series-5: #e3d34d;
  }
}
`;

/** Of a plot that stands alone, in a file of its own. */
export const plotStyle = new Html(
  `${colours}${plotRules}.plot { font-family: system-ui, sans-serif; background: var(--paper); } .key { fill: currentColor; }\n`,
);

export const reportStyle = new Html(`${colours}
* { box-sizing: border-box; }
html { -webkit-text-size-adjust: 100%; }
body {
  margin: 0 auto; padding: 1.5rem clamp(1rem, 4vw, 2.5rem) 4rem; max-width: 72rem;
  background: var(--paper); color: var(--ink);
  font: 1rem/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif;
}
h1 { font-size: clamp(1.5rem, 4vw, 2.1rem); line-height: 1.2; margin: 0.5rem 0; text-wrap: balance; }
h2 { font-size: 1.2rem; margin: 2.5rem 0 0.75rem; }
h3 { font-size: 1rem; margin: 1.5rem 0 0.5rem; }
h3 small { color: var(--soft); font-weight: normal; font-size: 0.9rem; margin-left: 0.5em; }
.summary { color: var(--soft); max-width: 46rem; margin: 0; overflow-wrap: anywhere; }
dl, ul { margin: 0; padding: 0; }
.headlines { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: 0.75rem; margin-top: 1.5rem; }
.headlines > div { background: var(--tile); border-radius: 0.5rem; padding: 0.75rem 1rem; }
.headlines dt { color: var(--soft); font-size: 0.85rem; }
.headlines dd { margin: 0; color: var(--soft); font-size: 0.85rem; }
.headlines .value { font-size: 1.6rem; line-height: 1.3; color: var(--ink); font-variant-numeric: tabular-nums; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-size: 0.95rem; min-width: min(100%, 34rem); }
th, td { padding: 0.35rem 0.9rem; text-align: left; white-space: nowrap; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { padding-left: 0; position: sticky; left: 0; background: var(--paper); }
th { color: var(--soft); font-weight: 600; font-size: 0.85rem; vertical-align: bottom; border-bottom-color: var(--soft); }
tbody tr:last-child td { border-bottom: 0; }
tfoot td { font-weight: 600; border-bottom: 0; }
tfoot tr:first-child td { border-top: 1px solid var(--soft); }
.note { color: var(--soft); font-size: 0.85rem; max-width: 46rem; margin: 0.4rem 0 0; }
.number { text-align: right; font-variant-numeric: tabular-nums; }
figure { margin: 0; }
.legend { display: flex; flex-wrap: wrap; gap: 0.25rem 1.1rem; list-style: none; font-size: 0.9rem; margin-bottom: 0.75rem; }
.legend li { display: flex; align-items: center; gap: 0.45rem; }
.key { width: 0.85rem; height: 0.85rem; border-radius: 0.2rem; background: currentColor; print-color-adjust: exact; -webkit-print-color-adjust: exact; }
${plotRules}.pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(10.5rem, 46%), 1fr)); gap: 0.6rem; }
.pictures img { display: block; width: 100%; height: auto; background: #000; border-radius: 0.3rem; }
figcaption { font-size: 0.85rem; color: var(--soft); padding-top: 0.25rem; }
.facts { display: grid; grid-template-columns: max-content 1fr; gap: 0.3rem 1.25rem; font-size: 0.9rem; }
.facts dt { color: var(--soft); } .facts dd { margin: 0; overflow-wrap: anywhere; }
@media (max-width: 34rem) { table { font-size: 0.85rem; } th, td { padding: 0.35rem 0.5rem; } .facts { grid-template-columns: 1fr; gap: 0; } .facts dd { margin-bottom: 0.5rem; } }
@media print {
  :root {
    --paper: #ffffff; --ink: #000000; --soft: #444444; --line: #cccccc; --tile: #f4f4f4;
    --series-0: #8a8f98; --series-1: #b35c00; --series-2: #0067a8; --series-3: #007a58; --series-4: #a8407f; --series-5: #7a6a00;
  }
  body { max-width: none; padding: 0; font-size: 10pt; }
  h2, h3 { break-after: avoid; }
  article, tr, .pictures figure, .plot, .legend { break-inside: avoid; }
  .legend { break-after: avoid; }
  .pictures { grid-template-columns: repeat(auto-fill, minmax(3.2cm, 1fr)); }
}
`);
