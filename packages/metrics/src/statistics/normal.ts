/** The normal distribution's tail, to the last digits of a double. */

/**
 * The share of a standard normal distribution above `z`.
 *
 * Source: Abramowitz and Stegun, 7.1.6 (series) near the middle and 7.1.14 (continued fraction) in the tail.
 */
export function normalTail(z: number): number {
  if (z < 0) return 1 - normalTail(-z);
  const x = z / Math.SQRT2;
  return x < 2 ? (1 - series(x)) / 2 : continuedFraction(x) / 2;
}

/** erf(x) = 2/√π e^(−x²) Σ 2ⁿ x^(2n+1) / (1·3·…·(2n+1)) */
function series(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; term > sum * 1e-17; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}

/** √π e^(x²) erfc(x) = 1/(x + ½/(x + 1/(x + 3⁄2/(x + …)))), from the far end; enough steps for x ≥ 2. */
function continuedFraction(x: number): number {
  let fraction = x;
  for (let n = 120; n >= 1; n--) fraction = x + n / 2 / fraction;
  return Math.exp(-x * x) / (Math.sqrt(Math.PI) * fraction);
}
