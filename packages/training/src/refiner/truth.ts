/**
 * What each object should have been: its class's true mask. Where a class is asked for once a component, every true component belongs to
 * the object whose box holds most of it, else to the nearest; an object that gets none is not there.
 */
import { connectedComponents } from "@rfmedsam/imaging";
import type { SlicePrompts } from "@rfmedsam/segmenter";

/**
 * @param fitted share of each class in every pixel `[S, S]`, of the classes that are there
 * @returns 0/1 `[n, S, S]`
 */
export function objectTruth(
  { classes, boxes }: Pick<SlicePrompts, "classes" | "boxes">,
  fitted: ReadonlyMap<number, Float32Array>,
  size: number,
): Float32Array {
  const out = new Float32Array(classes.length * size * size);
  for (const label of new Set(classes)) {
    const share = fitted.get(label);
    if (share === undefined) continue;
    const rows = [...classes.keys()].filter((row) => classes[row] === label);
    const owners = rows.length === 1 ? undefined : ownersOf(share, boxes, rows, size);
    for (let i = 0; i < share.length; i++) {
      if (share[i]! > 0.5) out[(owners?.[i] ?? rows[0]!) * size * size + i] = 1;
    }
  }
  return out;
}

/** For every pixel of the class the row it belongs to. */
function ownersOf(share: Float32Array, boxes: Float32Array, rows: readonly number[], size: number): Int32Array {
  const { labels, count } = connectedComponents(
    Uint8Array.from(share, (own) => (own > 0.5 ? 1 : 0)),
    [1, size, size],
    8,
  );
  const tallies = rows.map(() => ({
    inside: new Float64Array(count + 1),
    away: new Float64Array(count + 1).fill(Number.POSITIVE_INFINITY),
  }));
  for (let i = 0; i < labels.length; i++) {
    const component = labels[i]!;
    if (component === 0) continue;
    const [y, x] = [Math.floor(i / size), i % size];
    rows.forEach((row, n) => {
      const [x0, y0, x1, y1] = boxes.subarray(4 * row, 4 * row + 4) as unknown as [number, number, number, number];
      const distance = Math.hypot(Math.max(x0 - x, 0, x - x1), Math.max(y0 - y, 0, y - y1));
      const { inside, away } = tallies[n]!;
      if (distance === 0) inside[component]! += 1;
      away[component] = Math.min(away[component]!, distance);
    });
  }
  const owner = Int32Array.from({ length: count + 1 }, (_, component) => {
    let best = 0;
    for (let n = 1; n < rows.length; n++) {
      const [own, other] = [tallies[n]!, tallies[best]!];
      const more = own.inside[component]! - other.inside[component]!;
      if (more > 0 || (more === 0 && own.away[component]! < other.away[component]!)) best = n;
    }
    return rows[best]!;
  });
  return labels.map((component) => owner[component]!);
}
