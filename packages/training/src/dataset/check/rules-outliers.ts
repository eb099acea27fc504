/**
 * Rules about cases that are unlike the others: robust z-scores, (value − median) / (1.4826 · median absolute deviation), of the
 * cases to train on. Sizes are compared as ratios (logarithms). A floor under the deviation keeps small differences of otherwise
 * equal cases from counting. Test cases are held against the cases to train on.
 */
import { orientationOf, spacingOf } from "@rfmedsam/imaging";
import type { CaseSummary, ChannelSummary } from "./case-summary.js";
import { formatTriple, shortNumber } from "./grids.js";
import { type CheckedDataset, type Found, nameOf, type Rule, trainingOf } from "./rule.js";

/** Fewer cases have no usual. */
const fewest = 8;
const limit = 6;

interface Scale {
  readonly median: number;
  readonly deviation: number;
}

export function robustScale(values: readonly number[], floor: number): Scale {
  const median = medianOf(values);
  const spread = 1.4826 * medianOf(values.map((value) => Math.abs(value - median)));
  return { median, deviation: Math.max(spread, floor) };
}

function medianOf(values: readonly number[]): number {
  const sorted = Float64Array.from(values).sort();
  const half = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[half]! : (sorted[half - 1]! + sorted[half]!) / 2;
}

/** Each case whose measure is far from that of the cases to train on, with its score. */
function* farOff(
  dataset: CheckedDataset,
  measure: (each: CaseSummary) => number | undefined,
  floor: number,
): Iterable<{ each: CaseSummary; value: number; median: number; z: number }> {
  const usual = trainingOf(dataset).flatMap((each) => finite(measure(each)));
  if (usual.length < fewest) return;
  const { median, deviation } = robustScale(usual, floor);
  for (const each of dataset.cases) {
    for (const value of finite(measure(each))) {
      const z = (value - median) / deviation;
      if (Math.abs(z) > limit) yield { each, value, median, z };
    }
  }
}

const finite = (value: number | undefined): number[] => (value === undefined || !Number.isFinite(value) ? [] : [value]);

const axes = ["z", "y", "x"] as const;

/** Sizes along the axes, as ratios to the usual. */
function* sizes(
  dataset: CheckedDataset,
  of: (each: CaseSummary) => readonly [number, number, number] | undefined,
  floor: number,
  unit: string,
): Iterable<Found> {
  for (const [index, axis] of axes.entries()) {
    const measure = (each: CaseSummary) => {
      const size = of(each)?.[index];
      return size === undefined ? undefined : Math.log(size);
    };
    for (const { each, value, median } of farOff(dataset, measure, floor)) {
      yield {
        case: nameOf(each),
        found: `${shortNumber(Math.exp(value))}${unit} along ${axis}; usual ${shortNumber(Math.exp(median))}${unit}`,
      };
    }
  }
}

/** Floors are logarithms: 0.05 × `limit` lets spacings differ by a third, 0.1 shapes by four fifths. */
const floors = { spacing: 0.05, shape: 0.1, volume: 0.2 } as const;

const statistics = ["mean", "low", "median", "high"] as const satisfies readonly (keyof ChannelSummary)[];
const statisticNames = { mean: "mean", low: "0.5 % percentile", median: "median", high: "99.5 % percentile" } as const;

/** The worst of a channel's statistics in each case, for the channels that `wanted` names. */
function* intensities(dataset: CheckedDataset, wanted: (channelName: string) => boolean): Iterable<Found> {
  const { channelNames } = dataset.inventory.description;
  for (const [channel, name] of channelNames.entries()) {
    if (!wanted(name)) continue;
    const of = (each: CaseSummary) => each.channels.find((summary) => summary.channel === channel);
    const ranges = trainingOf(dataset).flatMap((each) =>
      finite(of(each) === undefined ? undefined : of(each)!.high - of(each)!.low),
    );
    if (ranges.length < fewest) continue;
    const floor = 0.05 * medianOf(ranges);
    const worst = new Map<CaseSummary, { z: number; text: string }>();
    for (const statistic of statistics) {
      for (const { each, value, median, z } of farOff(dataset, (one) => of(one)?.[statistic], floor)) {
        if (Math.abs(z) <= Math.abs(worst.get(each)?.z ?? 0)) continue;
        const text = `${name}: ${statisticNames[statistic]} ${shortNumber(value)}; usual ${shortNumber(median)}${score(z)}`;
        worst.set(each, { z, text });
      }
    }
    for (const [each, { text }] of worst) yield { case: nameOf(each), file: of(each)!.file, found: text };
  }
}

/** Nothing where all the others are exactly equal: the score is infinite then. */
const score = (z: number) => (Number.isFinite(z) ? ` (z ${z.toFixed(1)})` : "");

/** As the plan decides how a channel is normalised. */
const isCt = (channelName: string) => channelName.trim().toLowerCase() === "ct";

export const outlierRules: readonly Rule[] = [
  {
    name: "orientation",
    severity: "note",
    sentence: "All images are stored in one orientation (they are brought into one anyway).",
    *find(dataset) {
      const counts = new Map<string, number>();
      const of = ({ channels: [first] }: CaseSummary) => (first === undefined ? undefined : orientationOf(first.grid));
      for (const each of trainingOf(dataset)) {
        const letters = of(each);
        if (letters !== undefined) counts.set(letters, (counts.get(letters) ?? 0) + 1);
      }
      const [usual] = [...counts].sort(([, a], [, b]) => b - a)[0] ?? [];
      for (const each of dataset.cases) {
        const letters = of(each);
        if (letters !== undefined && letters !== usual)
          yield { case: nameOf(each), found: `${letters}; usual ${usual}` };
      }
    },
  },
  {
    name: "spacing",
    severity: "warning",
    sentence: "Voxels are about as large as in the other cases (in mm).",
    find: (dataset) =>
      sizes(
        dataset,
        ({ channels: [first] }) => (first === undefined ? undefined : spacingOf(first.grid)),
        floors.spacing,
        " mm",
      ),
  },
  {
    name: "shape",
    severity: "warning",
    sentence: "Images have about as many voxels along each axis as the others.",
    find: (dataset) => sizes(dataset, ({ channels: [first] }) => first?.grid.shape, floors.shape, " voxels"),
  },
  {
    name: "ct-intensity",
    severity: "warning",
    sentence: "CT values are Hounsfield units, about as in the other cases.",
    find: (dataset) => intensities(dataset, isCt),
  },
  {
    name: "intensity",
    severity: "note",
    sentence: "Values are about as large as in the other cases (channels other than CT are normalised case by case).",
    find: (dataset) => intensities(dataset, (name) => !isCt(name)),
  },
  {
    name: "class-volume",
    severity: "note",
    sentence: "A class is about as large as in the other cases that show it.",
    *find(dataset) {
      for (const [name, value] of Object.entries(dataset.inventory.description.labels)) {
        if (value === 0) continue;
        const measure = ({ marked }: CaseSummary) => {
          const voxels = marked?.voxels.get(value);
          return voxels === undefined
            ? undefined
            : Math.log(voxels * spacingOf(marked!.grid).reduce((a, b) => a * b, 0.001));
        };
        for (const { each, value: volume, median } of farOff(dataset, measure, floors.volume)) {
          yield {
            case: nameOf(each),
            found: `${name}: ${shortNumber(Math.exp(volume))} ml; usual ${shortNumber(Math.exp(median))} ml`,
          };
        }
      }
    },
  },
];

/** For the summary: the usual grid of the cases to train on. */
export function usualGrid(dataset: CheckedDataset): { shape: string; spacing: string } | undefined {
  const grids = trainingOf(dataset).flatMap(({ channels: [first] }) => first?.grid ?? []);
  if (grids.length === 0) return undefined;
  const middle = (of: (grid: (typeof grids)[number]) => readonly number[]) =>
    axes.map((_, axis) => medianOf(grids.map((grid) => of(grid)[axis]!))) as unknown as readonly [
      number,
      number,
      number,
    ];
  return { shape: formatTriple(middle(({ shape }) => shape)), spacing: `${formatTriple(middle(spacingOf))} mm` };
}
