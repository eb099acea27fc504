/** The numbers along a plot's axis: round ends around the values, and ticks at 1, 2 or 5 times a power of ten. */

/** Round ends around all finite values; [0, 1] when there is none. */
export function rangeOf(values: Iterable<number>): readonly [number, number] {
  let [least, most] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const value of values) {
    if (!Number.isFinite(value)) continue;
    least = Math.min(least, value);
    most = Math.max(most, value);
  }
  if (least > most) return [0, 1];
  const [low, high] = widened([least, most]);
  const step = tickStep(low, high);
  return [Math.floor(low / step + 1e-9) * step, Math.ceil(high / step - 1e-9) * step];
}

/** Ends that are apart: equal values still get an axis. */
export function widened([low, high]: readonly [number, number]): readonly [number, number] {
  const scale = Math.max(1e-9, Math.abs(low), Math.abs(high));
  return high - low > 1e-4 * scale ? [low, high] : [low - 0.05 * scale, high + 0.05 * scale];
}

export function ticksOf(low: number, high: number): number[] {
  const step = tickStep(low, high);
  const first = Math.ceil(low / step - 1e-9);
  const last = Math.floor(high / step + 1e-9);
  return Array.from({ length: last - first + 1 }, (_, i) => (first + i) * step);
}

/** For about five steps. */
function tickStep(low: number, high: number): number {
  const rough = (high - low) / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const factor = [1, 2, 5, 10].find((each) => each * power >= rough * 0.999) ?? 10;
  return factor * power;
}

/** Powers of ten between positive ends, with 2 and 5 times each where there are few. */
export function logTicksOf(low: number, high: number): number[] {
  const powers = Array.from(
    { length: Math.ceil(Math.log10(high)) - Math.floor(Math.log10(low)) + 1 },
    (_, i) => 10 ** (Math.floor(Math.log10(low)) + i),
  );
  const every = Math.ceil(powers.length / 7);
  const factors = powers.length > 3 ? [1] : [1, 2, 5];
  return powers
    .filter((_, at) => at % every === 0)
    .flatMap((power) => factors.map((factor) => factor * power))
    .filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
}

/** A tick's number without digits that say nothing. */
export const shortest = (value: number): string => String(Number(value.toPrecision(6)));
