/** Python's own classes and functions that checkpoints name: what they make of their arguments (rows of globals.ts). */
import type { Machine } from "./pickle-machine.js";
import { type Described, isHashable, PickledTuple } from "./pickle-values.js";

/** `dict()`, `OrderedDict()`; Python 2 gives the entries as a list of pairs. */
export function dictionary(args: readonly Described[], machine: Machine): Described {
  const [entries = [], ...more] = args;
  const pairs = entries instanceof Map ? [...entries] : entries;
  if (!Array.isArray(pairs) || more.length > 0) throw machine.malformed("a dictionary made of something else");
  const made = machine.made(new Map<Described, Described>());
  machine.copied(pairs.length);
  for (const pair of pairs as readonly Described[]) {
    const items = pair instanceof PickledTuple ? pair.items : pair;
    if (!Array.isArray(items) || items.length !== 2) throw machine.malformed("a dictionary made of something else");
    made.set(key(items[0], machine), items[1]);
  }
  return made;
}

/** `defaultdict(factory)`: what it would make for a missing key is of no interest. */
export function defaultDictionary(args: readonly Described[], machine: Machine): Described {
  return dictionary(args.slice(1), machine);
}

/** `Counter({value: count})`. */
export function counter(args: readonly Described[], machine: Machine): Described {
  return dictionary(args, machine);
}

/** `set([…])`, `frozenset([…])`. */
export function set(args: readonly Described[], machine: Machine): Described {
  const [items = [], ...more] = args;
  const values = items instanceof PickledTuple ? items.items : items;
  if (!Array.isArray(values) || more.length > 0) throw machine.malformed("a set made of something else");
  machine.copied(values.length);
  return machine.made(new Set((values as readonly Described[]).map((value) => key(value, machine))));
}

/** A value that may be a key. */
export function key(value: Described, machine: Machine): Described {
  if (!isHashable(value)) throw machine.malformed("a key that Python does not allow (a list, a dictionary or a set)");
  return value;
}

/** `codecs.encode(text, "latin1")`: how protocols before 3 write bytes. */
export function encode(args: readonly Described[], machine: Machine): Described {
  const [text, encoding, ...more] = args;
  if (typeof text !== "string" || !(encoding === "latin1" || encoding === "latin-1") || more.length > 0) {
    throw machine.malformed("a text encoded in another way than bytes are");
  }
  machine.copied(text.length);
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 0xff) throw machine.malformed("bytes with a value above 255");
    bytes[i] = code;
  }
  return machine.made(bytes);
}

/** `bytes()`, `bytearray()`, `bytearray(bytes)`, `bytearray(text, "latin-1")`. */
export function bytes(args: readonly Described[], machine: Machine): Described {
  const [value, ...more] = args;
  if (value === undefined) return machine.made(new Uint8Array());
  if (typeof value === "string") return encode(args, machine);
  if (!(value instanceof Uint8Array) || more.length > 0) throw machine.malformed("bytes made of something else");
  machine.copied(value.length);
  return machine.made(value.slice());
}
