/** Makes an input smaller and plainer as long as the same goes wrong. */

export interface Budget {
  readonly trials: number;
  readonly seconds: number;
}

/**
 * Removes ever smaller blocks, then sets what is left to zero (delta debugging, A. Zeller).
 *
 * @param shows whether an input still shows the fault
 */
export async function minimise(
  bytes: Uint8Array,
  shows: (smaller: Uint8Array) => Promise<boolean>,
  { trials, seconds }: Budget,
): Promise<Uint8Array> {
  const end = performance.now() + 1000 * seconds;
  let left = trials;
  let best = bytes;
  const attempt = async (candidate: Uint8Array): Promise<boolean> => {
    left--;
    if (!(await shows(candidate))) return false;
    best = candidate;
    return true;
  };
  const spent = () => left <= 0 || performance.now() > end;

  for (let size = Math.ceil(best.length / 2); size >= 1 && !spent(); size = size === 1 ? 0 : Math.ceil(size / 2)) {
    // From the end: what was removed there moves nothing that is still to be tried.
    for (let to = best.length; to > 0 && !spent(); to -= size) await attempt(without(best, Math.max(0, to - size), to));
  }
  for (let size = Math.ceil(best.length / 2); size >= 1 && !spent(); size = size === 1 ? 0 : Math.ceil(size / 2)) {
    for (let from = 0; from < best.length && !spent(); from += size) {
      const to = Math.min(best.length, from + size);
      if (best.subarray(from, to).some((byte) => byte !== 0)) await attempt(best.slice().fill(0, from, to));
    }
  }
  return best;
}

function without(bytes: Uint8Array, from: number, to: number): Uint8Array {
  const out = new Uint8Array(bytes.length - (to - from));
  out.set(bytes.subarray(0, from));
  out.set(bytes.subarray(to), from);
  return out;
}
