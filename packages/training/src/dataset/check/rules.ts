/** Everything a data set is held against: one rule, one row, errors first. */
import type { Rule, Severity } from "./rule.js";
import { contentRules } from "./rules-content.js";
import { duplicateRules } from "./rules-duplicates.js";
import { fileRules } from "./rules-files.js";
import { outlierRules } from "./rules-outliers.js";

const rank = { error: 0, warning: 1, note: 2 } as const satisfies Readonly<Record<Severity, number>>;

export const rules: readonly Rule[] = [...fileRules, ...contentRules, ...duplicateRules, ...outlierRules].sort(
  (a, b) => rank[a.severity] - rank[b.severity],
);
