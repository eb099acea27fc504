/**
 * On which slices an object is prompted, and which way it is then followed: two tables. A strategy chooses among the slices that show the
 * object, in the order in which they are met; `evenK` is a family.
 */

/** What a strategy may look at. */
export interface StrategyFacts {
  /** Pixels of the object on a slice. */
  readonly area: (slice: number) => number;
  /** IoU of the prompted mask of a slice alone with the true one. */
  readonly iou: (slice: number) => Promise<number>;
}

export type Strategy = (slices: readonly number[], facts: StrategyFacts) => Promise<readonly number[]>;

export type StrategyName = "every" | "first" | "middle" | "largest" | `even${number}` | "best";
/** Those that are measured unless others are asked for. */
export const strategyNames = ["every", "first", "middle", "largest", "even3", "best"] as const satisfies StrategyName[];

const fixed: { readonly [Name in Exclude<StrategyName, `even${number}`>]: Strategy } = {
  every: async (slices) => slices,
  first: async (slices) => slices.slice(0, 1),
  middle: async (slices) => evenly(slices, 1),
  largest: async (slices, { area }) => [argmax(slices, slices.map(area))],
  best: async (slices, { iou }) => {
    const ious: number[] = [];
    for (const slice of slices) ious.push(await iou(slice));
    return [argmax(slices, ious)];
  },
};

const evenFamily = /^even([1-9]\d{0,3})$/;

export const isStrategy = (name: string): name is StrategyName => Object.hasOwn(fixed, name) || evenFamily.test(name);

/** @param name of the table, or `even` and how many */
export function strategyNamed(name: StrategyName): Strategy {
  const count = evenFamily.exec(name)?.[1];
  return count === undefined ? fixed[name as keyof typeof fixed] : async (slices) => evenly(slices, Number(count));
}

/** Whether a prompted object is followed: not where it was asked for on every slice, as then it is known to be on no other. */
export const isFollowed = (strategy: StrategyName): boolean => strategy !== "every";

/** What the names say, for legends. */
export function describeStrategy(name: StrategyName): string {
  const count = evenFamily.exec(name)?.[1];
  if (count !== undefined) return `the middle slices of ${count} equal parts of the object's slices`;
  return {
    every:
      "every slice that shows the object; as all others are known to be without it, nothing is followed and no memory asked",
    first: "the first slice that shows the object, the last one where it is followed backwards",
    middle: "the middle one of the object's slices",
    largest: "the slice on which the object is largest",
    best: "the slice whose prompted mask has the best IoU with the truth",
  }[name as keyof typeof fixed];
}

/** The middles of `count` equal parts; fewer when there are not so many. */
export function evenly(slices: readonly number[], count: number): number[] {
  const at = Array.from({ length: count }, (_, part) => Math.floor(((part + 0.5) * slices.length) / count));
  return [...new Set(at)].map((index) => slices[index]!);
}

const argmax = (slices: readonly number[], values: readonly number[]): number =>
  slices[values.reduce((best, value, at) => (value > values[best]! ? at : best), 0)]!;

/** One pass of a propagation. */
export interface Pass {
  readonly reverse: boolean;
  /** Where it starts: the first or the last of the prompted slices. */
  readonly from: "first" | "last";
}

export const directions = {
  both: [
    { reverse: false, from: "first" },
    { reverse: true, from: "first" },
  ],
  forward: [{ reverse: false, from: "first" }],
  backward: [{ reverse: true, from: "last" }],
} as const satisfies Record<string, readonly Pass[]>;

export type DirectionName = keyof typeof directions;
export const directionNames = Object.keys(directions) as DirectionName[];
/** In the place of a direction where nothing is followed. */
export const notFollowed = "none";
