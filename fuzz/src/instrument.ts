/**
 * Puts a counter at the start of every branch of a JavaScript module: bodies, cases, both sides of `?:`, the right side of `&&`, `||` and
 * `??`. Which counters an input raises tells whether it reached something new. Text is only inserted, within lines, so that stack traces
 * keep their line numbers.
 *
 * The way of AFL and libFuzzer, at the level of the source.
 */
import { createRequire } from "node:module";
import type TypeScript from "typescript";

// As a CommonJS module: `import` would first search its nine megabytes for exports.
const ts = createRequire(import.meta.url)("typescript") as typeof TypeScript;

/** The name under which modules find the counters, on `globalThis`. */
export const countersName = "__fuzzCounters";
export const counterCount = 1 << 15;

/** @param first the number of the first counter @returns the changed source, and how many counters it has */
export function instrument(source: string, first: number): { source: string; counters: number } {
  const file = ts.createSourceFile("module.js", source, ts.ScriptTarget.Latest, true, ts.ScriptKind.JS);
  const opened: Insertion[] = [];
  const closed: Insertion[] = [];
  let counters = 0;
  const count = () => `${countersName}[${(first + counters++) % counterCount}]++`;

  const wrapExpression = (node: TypeScript.Expression) => {
    opened.push({ at: node.getStart(file), text: `(${count()},` });
    visit(node);
    closed.push({ at: node.end, text: ")" });
  };
  const wrapStatement = (node: TypeScript.Statement) => {
    const bare = !ts.isBlock(node);
    if (bare) opened.push({ at: node.getStart(file), text: `{${count()};` });
    visit(node);
    if (bare) closed.push({ at: node.end, text: "}" });
  };
  const visit = (node: TypeScript.Node): void => {
    if (ts.isArrowFunction(node) && !ts.isBlock(node.body)) {
      for (const parameter of node.parameters) visit(parameter);
      wrapExpression(node.body);
    } else if (ts.isIfStatement(node)) {
      visit(node.expression);
      wrapStatement(node.thenStatement);
      if (node.elseStatement !== undefined) wrapStatement(node.elseStatement);
    } else if (ts.isIterationStatement(node, false)) {
      ts.forEachChild(node, (child) => (child === node.statement ? wrapStatement(node.statement) : visit(child)));
    } else if (ts.isConditionalExpression(node)) {
      visit(node.condition);
      wrapExpression(node.whenTrue);
      wrapExpression(node.whenFalse);
    } else if (ts.isBinaryExpression(node) && choices.has(node.operatorToken.kind)) {
      visit(node.left);
      wrapExpression(node.right);
    } else {
      const start = startOfBranch(node);
      if (start !== undefined) opened.push({ at: start, text: `${count()};` });
      ts.forEachChild(node, visit);
    }
  };
  const startOfBranch = (node: TypeScript.Node): number | undefined => {
    if (ts.isBlock(node)) return node.getStart(file) + 1;
    return ts.isCaseOrDefaultClause(node) ? node.statements[0]?.getStart(file) : undefined;
  };
  visit(file);

  const text = insertAll(source, opened, closed);
  return { source: `const ${countersName}=globalThis.${countersName};${text}`, counters };
}

interface Insertion {
  readonly at: number;
  readonly text: string;
}

const choices: ReadonlySet<TypeScript.SyntaxKind> = new Set([
  ts.SyntaxKind.AmpersandAmpersandToken,
  ts.SyntaxKind.BarBarToken,
  ts.SyntaxKind.QuestionQuestionToken,
]);

/** At the same place what ends comes before what begins; inner ends were listed before outer ones, outer beginnings before inner ones. */
function insertAll(source: string, opened: readonly Insertion[], closed: readonly Insertion[]): string {
  const all = [...closed.map((it) => ({ ...it, order: 0 })), ...opened.map((it) => ({ ...it, order: 1 }))];
  all.sort((a, b) => a.at - b.at || a.order - b.order);
  const out: string[] = [];
  let done = 0;
  for (const { at, text } of all) {
    out.push(source.slice(done, at), text);
    done = at;
  }
  out.push(source.slice(done));
  return out.join("");
}
