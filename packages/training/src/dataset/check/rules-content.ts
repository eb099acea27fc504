/** Rules about what is in a case's files, each case by itself. */
import type { Grid } from "@rfmedsam/imaging";
import { gridDifference, shortNumber } from "./grids.js";
import { perCase, plural, type Rule, trainingOf } from "./rule.js";

const unlike = (grid: Grid, other: Grid | undefined) => (other === undefined ? undefined : gridDifference(other, grid));

export const contentRules: readonly Rule[] = [
  {
    name: "unreadable",
    severity: "error",
    sentence: "Every file can be read.",
    find: perCase(function* ({ unreadable }) {
      for (const { file, text } of unreadable) yield { file, found: text };
    }),
  },
  {
    name: "unusual-header",
    severity: "note",
    sentence: "Headers say everything, and nothing twice.",
    find: perCase(function* ({ unusual }) {
      for (const { file, text } of unusual) yield { file, found: text };
    }),
  },
  {
    name: "channel-grid",
    severity: "error",
    sentence: "All channels of a case lie on one grid.",
    find: perCase(function* ({ channels: [first, ...others] }) {
      for (const { file, grid } of others) {
        const difference = unlike(grid, first?.grid);
        if (difference !== undefined) yield { file, found: difference };
      }
    }),
  },
  {
    name: "label-grid",
    severity: "error",
    sentence:
      "Labels lie on their image's grid (`rfmedsam convert LABELS OUT --labels --like IMAGE` brings them there).",
    find: perCase(function* ({ channels: [first], marked }) {
      if (marked === undefined) return;
      const difference = unlike(marked.grid, first?.grid);
      if (difference !== undefined) yield { file: marked.file, found: difference };
    }),
  },
  {
    name: "not-finite",
    severity: "error",
    sentence: "Images hold finite numbers only.",
    find: perCase(function* ({ channels }) {
      for (const { file, notFinite } of channels) {
        if (notFinite > 0) yield { file, found: `${plural(notFinite, "voxel")} NaN or infinite` };
      }
    }),
  },
  {
    name: "constant",
    severity: "warning",
    sentence: "Images show something.",
    find: perCase(function* ({ channels }) {
      for (const { file, min, max } of channels)
        if (min === max) yield { file, found: `every voxel is ${shortNumber(min)}` };
    }),
  },
  {
    name: "same-channels",
    severity: "warning",
    sentence: "The channels of a case are different images.",
    find: perCase(function* ({ channels }) {
      for (const [index, { hash, file }] of channels.entries()) {
        const twin = channels.slice(0, index).find((other) => other.hash === hash);
        if (twin !== undefined) yield { file, found: `the same voxels as channel ${twin.channel}` };
      }
    }),
  },
  {
    name: "label-values",
    severity: "error",
    sentence: "Labels are whole numbers from 0 to 255.",
    find: perCase(function* ({ marked }) {
      if (marked === undefined || marked.strange === 0) return;
      yield {
        file: marked.file,
        found: `${plural(marked.strange, "voxel")} of other values, the first ${shortNumber(marked.strangeValue)}`,
      };
    }),
  },
  {
    name: "unknown-labels",
    severity: "error",
    sentence: "Labels are those of dataset.json.",
    find: perCase(function* ({ marked }, { inventory: { description } }) {
      const { labels, ignored, regions } = description;
      const known = new Set<number | undefined>([...Object.values(labels), ...Object.values(regions).flat(), ignored]);
      const unknown = [...(marked?.voxels ?? [])].filter(([value]) => !known.has(value));
      if (unknown.length === 0) return;
      yield {
        file: marked!.file,
        found: unknown.map(([value, voxels]) => `${value} (${plural(voxels, "voxel")})`).join(", "),
      };
    }),
  },
  {
    name: "empty-labels",
    severity: "warning",
    sentence: "Every case shows at least one of the classes.",
    find: perCase(function* ({ marked }, { inventory: { description } }) {
      const { ignored } = description;
      if (marked?.strange === 0 && [...marked.voxels.keys()].every((value) => value === 0 || value === ignored)) {
        const beside = ignored !== undefined && marked.voxels.has(ignored) ? " and voxels to ignore" : "";
        yield { file: marked.file, found: `nothing but background${beside}` };
      }
    }),
  },
  {
    name: "absent-class",
    severity: "warning",
    sentence: "Every class of dataset.json occurs in the cases to train on.",
    *find(dataset) {
      for (const { name, cases, of } of occurrences(dataset))
        if (of > 0 && cases === 0) yield { found: `${name} never occurs` };
    },
  },
  {
    name: "rare-class",
    severity: "note",
    sentence: "Every class occurs often enough to be learned and validated: in five cases.",
    *find(dataset) {
      for (const { name, cases, of } of occurrences(dataset)) {
        if (of >= 10 && cases > 0 && cases < 5) yield { found: `${name} occurs in ${cases} of ${of} cases` };
      }
    },
  },
];

/** In how many of the labelled cases to train on each class occurs. */
function occurrences(dataset: Parameters<Rule["find"]>[0]): { name: string; cases: number; of: number }[] {
  const labelled = trainingOf(dataset).flatMap(({ marked }) => marked ?? []);
  return Object.entries(dataset.inventory.description.labels)
    .filter(([, value]) => value !== 0)
    .map(([name, value]) => ({
      name,
      cases: labelled.filter(({ voxels }) => voxels.has(value)).length,
      of: labelled.length,
    }));
}
