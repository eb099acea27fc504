/**
 * Ground truth made worse on purpose, as a second source of prompts: step 0's mistakes on its own data set are few and always the
 * same. A table of what can go wrong; a new kind is one row. Slices are `[h, w]` class indices.
 */
import type { Random } from "@rfmedsam/base";

interface Slice {
  readonly labels: Uint8Array;
  readonly height: number;
  readonly width: number;
}

/** Everything drawn at random is drawn once a sequence, so that neighbouring slices go wrong alike, as predictions do. */
type Degradation = (random: Random, classes: number) => (slice: Slice) => Uint8Array;

export const degradations: Readonly<Record<string, Degradation>> = {
  /** The mask slid to one side. */
  shifted: (random) => {
    const [dy, dx] = [random.below(5) - 2, random.below(5) - 2];
    return (slice) => sampled(slice, (y, x) => [y - dy, x - dx]);
  },
  /** Too large or too small about its centre. */
  scaled: (random) => {
    const factor = random.uniform(0.8, 1.25);
    return (slice) => {
      const [cy, cx] = centre(slice);
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
      sampled(slice, (y, x) => [
        y + a.size * Math.sin(x / a.length + a.phase),
        x + b.size * Math.sin(y / b.length + b.phase),
      ]);
  },
  /** One class bitten into by a disc of background. */
  bitten: (random, classes) => {
    const label = 1 + random.below(classes - 1);
    const [angle, reach] = [random.uniform(0, 6.28), random.uniform(0.3, 0.8)];
    return (slice) => {
      const out = slice.labels.slice();
      const [cy, cx, radius] = extent(slice, label);
      const [by, bx] = [cy + reach * radius * Math.sin(angle), cx + reach * radius * Math.cos(angle)];
      each(slice, (y, x, i) => {
        if (out[i] === label && Math.hypot(y - by, x - bx) < 0.5 * radius) out[i] = 0;
      });
      return out;
    };
  },
  /** Two classes taken for each other in part of the picture. */
  confused: (random, classes) => {
    const [a, b] = [1 + random.below(classes - 1), random.below(classes)];
    const angle = random.uniform(0, 6.28);
    return (slice) => {
      const [cy, cx] = extent(slice, a);
      const out = slice.labels.slice();
      each(slice, (y, x, i) => {
        if (out[i] === a && (y - cy) * Math.sin(angle) + (x - cx) * Math.cos(angle) > 0) out[i] = b;
      });
      return out;
    };
  },
};

/** One or two degradations drawn at random, applied one after the other. */
export function drawDegradation(random: Random, classes: number): (slice: Slice) => Uint8Array {
  const chosen = random.shuffled(Object.values(degradations)).slice(0, 1 + random.below(2));
  const steps = chosen.map((degradation) => degradation(random, classes));
  return (slice) => steps.reduce((labels, step) => step({ ...slice, labels }), slice.labels);
}

/** How sure degraded labels pretend to be; the rest is shared by the other classes. */
export const pretendedCertainty = 0.9;

/** Labels as the probabilities `[K, h, w]` of a predictor that is fairly sure of them. */
export function pretendedProbabilities(labels: Uint8Array, classes: number): Float32Array {
  const out = new Float32Array(classes * labels.length).fill((1 - pretendedCertainty) / Math.max(1, classes - 1));
  for (let i = 0; i < labels.length; i++) out[labels[i]! * labels.length + i] = pretendedCertainty;
  return out;
}

function each({ height, width }: Slice, visit: (y: number, x: number, index: number) => void): void {
  for (let y = 0; y < height; y++) for (let x = 0; x < width; x++) visit(y, x, y * width + x);
}

function sampled(slice: Slice, from: (y: number, x: number) => readonly [number, number]): Uint8Array {
  const { labels, height, width } = slice;
  const out = new Uint8Array(labels.length);
  each(slice, (y, x, i) => {
    const [sy, sx] = from(y, x).map(Math.round) as [number, number];
    if (sy >= 0 && sy < height && sx >= 0 && sx < width) out[i] = labels[sy * width + sx]!;
  });
  return out;
}

function centre(slice: Slice): [number, number] {
  let [sumY, sumX, count] = [0, 0, 0];
  each(slice, (y, x, i) => {
    if (slice.labels[i] === 0) return;
    sumY += y;
    sumX += x;
    count += 1;
  });
  return count === 0 ? [slice.height / 2, slice.width / 2] : [sumY / count, sumX / count];
}

/** Centre of one class and the radius of a disc of its area. */
function extent(slice: Slice, label: number): [number, number, number] {
  let [sumY, sumX, count] = [0, 0, 0];
  each(slice, (y, x, i) => {
    if (slice.labels[i] !== label) return;
    sumY += y;
    sumX += x;
    count += 1;
  });
  return count === 0 ? [0, 0, 0] : [sumY / count, sumX / count, Math.sqrt(count / Math.PI)];
}
