/**
 * What lies beyond the ends of an axis, in scipy.ndimage's words:
 *
 *   constant       k k k | a b c d | k k k      a chosen value (for splines: outside is the value, inside mirrors)
 *   grid-constant  k k k | a b c d | k k k      a chosen value, also for splines
 *   nearest        a a a | a b c d | d d d
 *   mirror         d c b | a b c d | c b a
 *   reflect        c b a | a b c d | d c b
 *   grid-wrap      b c d | a b c d | a b c
 */

export type BoundaryMode = "constant" | "grid-constant" | "nearest" | "mirror" | "reflect" | "grid-wrap";

/** Which index of the axis stands for one beyond its ends; -1 where the constant does. */
export const boundaryIndex: { readonly [Mode in BoundaryMode]: (index: number, length: number) => number } = {
  constant: (index, length) => (index < 0 || index >= length ? -1 : index),
  "grid-constant": (index, length) => (index < 0 || index >= length ? -1 : index),
  nearest: (index, length) => Math.min(Math.max(index, 0), length - 1),
  mirror(index, length) {
    if (length === 1) return 0;
    const folded = modulo(index, 2 * length - 2);
    return Math.min(folded, 2 * length - 2 - folded);
  },
  reflect(index, length) {
    const folded = modulo(index, 2 * length);
    return Math.min(folded, 2 * length - 1 - folded);
  },
  "grid-wrap": modulo,
};

/** The remainder that is never negative. */
function modulo(value: number, divisor: number): number {
  return value - divisor * Math.floor(value / divisor);
}

/**
 * The place inside the axis that stands for a place beyond its ends, between samples too; NaN where the constant does.
 */
export const boundaryPosition: { readonly [Mode in BoundaryMode]: (position: number, length: number) => number } = {
  constant: (position, length) => (position < 0 || position > length - 1 ? Number.NaN : position),
  "grid-constant": (position) => position,
  nearest: boundaryIndex.nearest,
  mirror: boundaryIndex.mirror,
  reflect(position, length) {
    const folded = modulo(position, 2 * length);
    return folded > length - 0.5 ? 2 * length - 1 - folded : folded;
  },
  "grid-wrap": modulo,
};
