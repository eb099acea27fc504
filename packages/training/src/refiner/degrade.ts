/**
 * Labels made worse on purpose, as another source of prompts: step 0's mistakes on its own data set are few and always the same, and
 * a refiner that sees no others learns to copy. A table of what can go wrong; a new kind is one row. Slices are `[h, w]` class
 * indices; lengths are in 64ths of a slice's longer side, so that they mean the same at every spacing.
 */
import type { Random } from "@rfmedsam/base";

export interface LabelSlice {
  readonly labels: Uint8Array;
  readonly height: number;
  readonly width: number;
  /** Its place in the sequence, from 0. */
  readonly index: number;
}

/**
 * What is drawn at random is drawn once a sequence, so that neighbouring slices go wrong alike, as predictions do; only lost and swapped
 * slices are some and not others, as there.
 */
export type Degradation = (random: Random, classes: number) => (slice: LabelSlice) => Uint8Array;

/** Slices after which the pattern of those that go wrong repeats. */
const pattern = 32;
const someSlices = (random: Random) => {
  const gone = Array.from({ length: pattern }, () => random.chance(0.4));
  return ({ index }: LabelSlice) => gone[index % pattern]!;
};

export const degradations = {
  /** The mask slid to one side. */
  shifted: (random) => {
    const [dy, dx] = [random.uniform(-4, 4), random.uniform(-4, 4)];
    return (slice) => sampled(slice, (y, x, unit) => [y - dy * unit, x - dx * unit]);
  },
  /** Too large or too small about its centre. */
  scaled: (random) => {
    const factor = random.uniform(0.8, 1.25);
    return (slice) => {
      const [cy, cx] = extent(slice, (label) => label !== 0);
      return sampled(slice, (y, x) => [cy + (y - cy) / factor, cx + (x - cx) / factor]);
    };
  },
  /** Wavy borders. */
  wavy: (random) => {
    const wave = () => ({
      size: random.uniform(0.5, 2),
      length: random.uniform(5, 15),
      phase: random.uniform(0, 6.28),
    });
    const [a, b] = [wave(), wave()];
    return (slice) =>
      sampled(slice, (y, x, unit) => [
        y + a.size * unit * Math.sin(x / (a.length * unit) + a.phase),
        x + b.size * unit * Math.sin(y / (b.length * unit) + b.phase),
      ]);
  },
  /** One class bitten into by a disc of background. */
  bitten: (random, classes) => {
    const label = 1 + random.below(classes - 1);
    const [angle, reach] = [random.uniform(0, 6.28), random.uniform(0.3, 0.8)];
    return (slice) => {
      const [cy, cx, radius] = extent(slice, (own) => own === label);
      const [by, bx] = [cy + reach * radius * Math.sin(angle), cx + reach * radius * Math.cos(angle)];
      return painted(slice, (own, y, x) => (own === label && Math.hypot(y - by, x - bx) < 0.5 * radius ? 0 : own));
    };
  },
  /** Two classes taken for each other in part of the picture. */
  confused: (random, classes) => {
    const [a, b] = [1 + random.below(classes - 1), random.below(classes)];
    const angle = random.uniform(0, 6.28);
    return (slice) => {
      const [cy, cx] = extent(slice, (own) => own === a);
      return painted(slice, (own, y, x) =>
        own === a && (y - cy) * Math.sin(angle) + (x - cx) * Math.cos(angle) > 0 ? b : own,
      );
    };
  },
  /** Some slices without one class, or without any. */
  lost: (random, classes) => {
    const label = random.below(classes);
    const goneFrom = someSlices(random);
    return (slice) =>
      goneFrom(slice) ? painted(slice, (own) => (label === 0 || own === label ? 0 : own)) : slice.labels;
  },
  /** Some slices with two classes taken for each other: only their neighbours tell which is which. One class alone stays as it is. */
  swapped: (random, classes) => {
    const [a, b] = random.shuffled(Array.from({ length: classes - 1 }, (_, n) => n + 1));
    const goneFrom = someSlices(random);
    return (slice) =>
      b !== undefined && goneFrom(slice)
        ? painted(slice, (own) => (own === a ? b : own === b ? a! : own))
        : slice.labels;
  },
  /** An ellipse of one class where there is background. */
  blob: (random, classes) => {
    const label = 1 + random.below(classes - 1);
    const [cy, cx] = [random.uniform(), random.uniform()];
    const [ry, rx] = [random.uniform(2, 7), random.uniform(2, 7)];
    return (slice) => {
      const unit = unitOf(slice);
      return painted(slice, (own, y, x) => {
        const [dy, dx] = [y - cy * slice.height, x - cx * slice.width];
        return own === 0 && Math.hypot(dy / (ry * unit), dx / (rx * unit)) < 1 ? label : own;
      });
    };
  },
  /** A rim missing. */
  eroded: (random) => {
    const depth = random.uniform(0.5, 3);
    return (slice) =>
      repeated(slice, depth, (own, up, down, left, right) =>
        up === own && down === own && left === own && right === own ? own : 0,
      );
  },
  /** A rim of background taken as well. */
  dilated: (random) => {
    const depth = random.uniform(0.5, 3);
    return (slice) => repeated(slice, depth, (own, up, down, left, right) => own || up || down || left || right);
  },
} satisfies Record<string, Degradation>;

export type DegradationName = keyof typeof degradations;

/** One or two degradations drawn at random, applied one after the other. */
export function drawDegradation(random: Random, classes: number): (slice: LabelSlice) => Uint8Array {
  const all: readonly Degradation[] = Object.values(degradations);
  // One class alone has nothing to be swapped with.
  const able = all.filter((each) => classes > 2 || each !== degradations.swapped);
  const chosen = random.shuffled(able).slice(0, 1 + random.below(2));
  const steps = chosen.map((degradation) => degradation(random, classes));
  return (slice) => steps.reduce((labels, step) => step({ ...slice, labels }), slice.labels);
}

/**
 * How sure degraded labels pretend to be; the rest is shared by the other classes. Drawn once a sequence: a refiner that always meets
 * the same number takes it for the mark of a bad prompt, and believes all others.
 */
export function drawCertainty(random: Random): number {
  return 1 / (1 + Math.exp(-random.uniform(1.5, 6)));
}

/** Labels as the probabilities `[K, h, w]` of a predictor that is `certainty` sure of them. */
export function pretendedProbabilities(labels: Uint8Array, classes: number, certainty: number): Float32Array {
  const out = new Float32Array(classes * labels.length).fill((1 - certainty) / Math.max(1, classes - 1));
  for (let i = 0; i < labels.length; i++) out[labels[i]! * labels.length + i] = certainty;
  return out;
}

/** The length that degradations count in, in voxels. */
function unitOf({ height, width }: LabelSlice): number {
  return Math.max(1, Math.max(height, width) / 64);
}

/** A new slice, voxel by voxel. */
function painted(
  { labels, height, width }: LabelSlice,
  colour: (own: number, y: number, x: number) => number,
): Uint8Array {
  const out = new Uint8Array(labels.length);
  for (let y = 0, i = 0; y < height; y++) for (let x = 0; x < width; x++, i++) out[i] = colour(labels[i]!, y, x);
  return out;
}

function sampled(
  slice: LabelSlice,
  from: (y: number, x: number, unit: number) => readonly [number, number],
): Uint8Array {
  const { labels, height, width } = slice;
  const unit = unitOf(slice);
  return painted(slice, (_, y, x) => {
    const [sy, sx] = from(y, x, unit).map(Math.round) as [number, number];
    return sy >= 0 && sy < height && sx >= 0 && sx < width ? labels[sy * width + sx]! : 0;
  });
}

/** A voxel's new label, from its own and its four neighbours'; beyond the picture's border a voxel meets itself. */
type Rule = (own: number, up: number, down: number, left: number, right: number) => number;

/** A rule applied until it has reached `depth` units far. */
function repeated(slice: LabelSlice, depth: number, rule: Rule): Uint8Array {
  const { height, width } = slice;
  let { labels } = slice;
  for (let n = Math.max(1, Math.round(depth * unitOf(slice))); n > 0; n--) {
    const before = labels;
    labels = painted({ ...slice, labels: before }, (own, y, x) => {
      const at = y * width + x;
      return rule(
        own,
        y > 0 ? before[at - width]! : own,
        y < height - 1 ? before[at + width]! : own,
        x > 0 ? before[at - 1]! : own,
        x < width - 1 ? before[at + 1]! : own,
      );
    });
  }
  return labels;
}

/** Centre of the voxels meant and the radius of a disc of their area. */
function extent(slice: LabelSlice, meant: (label: number) => boolean): [y: number, x: number, radius: number] {
  const { labels, height, width } = slice;
  let [sumY, sumX, count] = [0, 0, 0];
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      if (!meant(labels[i]!)) continue;
      sumY += y;
      sumX += x;
      count += 1;
    }
  }
  return count === 0 ? [height / 2, width / 2, 0] : [sumY / count, sumX / count, Math.sqrt(count / Math.PI)];
}
