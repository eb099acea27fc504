/**
 * What a pickle made must be a tree that a simple recursive function can walk to its end: no cycles, not too deep, and not too large
 * even where the same part is met many times over (sixty tuples that each hold the one before twice have 2⁶⁰ leaves).
 */
import { type Described, PickledTuple } from "./pickle-values.js";
import { damaged } from "./problems.js";

/** What Python itself can write before it gives up. */
const depthLimit = 1000;
/** Values met when every path is walked. */
const walkLimit = 1 << 24;

interface Visit {
  readonly node: object;
  readonly children: Iterator<Described>;
  depth: number;
  walked: number;
}

interface Extent {
  readonly depth: number;
  readonly walked: number;
}

const leaf: Extent = { depth: 0, walked: 1 };

/** @throws CheckpointError */
export function checkStructure(file: string, root: Described): void {
  const done = new Map<object, Extent | "open">();
  const path: Visit[] = [];
  const tooMuch = (found: string) =>
    damaged(file, "limit_exceeded", found, { expected: "a model and what hangs beside it" });

  /** The extent of a value that is known; otherwise its visit begins. */
  const enter = (value: Described): Extent | undefined => {
    const children = childrenOf(value);
    if (children === undefined) return leaf;
    const node = value as object;
    const known = done.get(node);
    if (known === "open") throw damaged(file, "malformed_pickle", "its pickle has a value that contains itself");
    if (known !== undefined) return known;
    if (path.length >= depthLimit) throw tooMuch(`its pickle nests values more than ${depthLimit} deep`);
    done.set(node, "open");
    path.push({ node, children, depth: 1, walked: 1 });
    return undefined;
  };

  const add = (parent: Visit, child: Extent): void => {
    parent.depth = Math.max(parent.depth, child.depth + 1);
    parent.walked += child.walked;
    if (parent.depth > depthLimit) throw tooMuch(`its pickle nests values more than ${depthLimit} deep`);
    if (parent.walked > walkLimit)
      throw tooMuch(`its pickle refers to the same values so often that they unfold to more than ${walkLimit}`);
  };

  enter(root);
  for (let visit = path.at(-1); visit !== undefined; visit = path.at(-1)) {
    const next = visit.children.next();
    if (!next.done) {
      const extent = enter(next.value);
      if (extent !== undefined) add(visit, extent);
      continue;
    }
    path.pop();
    done.set(visit.node, visit);
    const parent = path.at(-1);
    if (parent !== undefined) add(parent, visit);
  }
}

function childrenOf(value: Described): Iterator<Described> | undefined {
  if (Array.isArray(value)) return (value as readonly Described[]).values();
  if (value instanceof PickledTuple) return (value.items as readonly Described[]).values();
  if (value instanceof Set) return (value as ReadonlySet<Described>).values();
  if (value instanceof Map) return keysAndValues(value as ReadonlyMap<Described, Described>);
  return undefined;
}

function* keysAndValues(map: ReadonlyMap<Described, Described>): Generator<Described, undefined> {
  for (const [key, value] of map) {
    yield key;
    yield value;
  }
}
