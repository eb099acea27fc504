/**
 * The instructions of pickle protocols 0 to 5, one row each. Those that only other programs than torch.save write (extension codes,
 * buffers outside the pickle, Python 2's quoted texts) have no row and are refused like bytes that mean nothing.
 *
 * Source: the descriptions in CPython's Lib/pickletools.py.
 */
import { CallableRow } from "./globals.js";
import type { Machine } from "./pickle-machine.js";
import { type Described, OpaqueObject, PickledTuple } from "./pickle-values.js";
import { glimpse } from "./problems.js";
import { key } from "./python-rows.js";

type Instruction = (machine: Machine) => void;

/** Integers with more digits are refused, as Python does; nothing counts that far. */
const digitLimit = 4300;
const highestProtocol = 5;
const emptyTuple = new PickledTuple<never>([]);

/** By character where the instruction has one. `STOP` ends the loop that reads this table. */
const rows: Readonly<Record<string, Instruction>> = {
  // ---- Framing
  "\x80": (m) => {
    const protocol = m.uint8();
    if (protocol > highestProtocol)
      throw m.malformed(`protocol ${protocol}`, { expected: `at most ${highestProtocol}` });
  },
  "\x95": (m) => {
    // The frame must be there; its contents are instructions like all others.
    m.at = m.take(m.uint64());
  },

  // ---- Plain values
  N: (m) => m.push(null),
  "\x88": (m) => m.push(true),
  "\x89": (m) => m.push(false),
  K: (m) => m.push(m.uint8()),
  M: (m) => m.push(m.uint16()),
  J: (m) => m.push(m.int32()),
  "\x8a": (m) => m.push(integer(m, m.uint8())),
  "\x8b": (m) => {
    const length = m.int32();
    if (length < 0) throw m.malformed(`an integer of ${length} bytes`);
    m.push(integer(m, length));
  },
  I: (m) => {
    const text = m.line();
    m.push(text === "00" ? false : text === "01" ? true : integerFrom(m, text));
  },
  L: (m) => m.push(integerFrom(m, m.line().replace(/L$/, ""))),
  G: (m) => m.push(m.float64()),
  F: (m) => m.push(floatFrom(m, m.line())),
  X: (m) => m.push(m.text(m.uint32())),
  "\x8c": (m) => m.push(m.text(m.uint8())),
  "\x8d": (m) => m.push(m.text(m.uint64())),
  V: (m) => m.push(unescaped(Buffer.from(m.rawLine()).toString("latin1"))),
  // Texts of Python 2.
  T: (m) => m.push(m.text(m.uint32())),
  U: (m) => m.push(m.text(m.uint8())),
  B: (m) => m.push(m.made(m.slice(m.uint32()).slice())),
  C: (m) => m.push(m.made(m.slice(m.uint8()).slice())),
  "\x8e": (m) => m.push(m.made(m.slice(m.uint64()).slice())),
  "\x96": (m) => m.push(m.made(m.slice(m.uint64()).slice())),

  // ---- Lists, tuples, dictionaries, sets
  "]": (m) => m.push(m.made([])),
  l: (m) => m.push(m.made(m.popMark())),
  a: (m) => {
    const value = m.pop();
    list(m).push(value);
  },
  e: (m) => {
    const values = m.popMark();
    const target = list(m);
    for (const value of values) target.push(value);
  },
  ")": (m) => m.push(emptyTuple),
  t: (m) => m.push(tuple(m, m.popMark())),
  "\x85": (m) => m.push(tuple(m, popped(m, 1))),
  "\x86": (m) => m.push(tuple(m, popped(m, 2))),
  "\x87": (m) => m.push(tuple(m, popped(m, 3))),
  "}": (m) => m.push(m.made(new Map())),
  d: (m) => {
    const pairs = m.popMark();
    m.push(m.made(new Map()));
    setItems(m, pairs);
  },
  s: (m) => setItems(m, popped(m, 2)),
  u: (m) => setItems(m, m.popMark()),
  "\x8f": (m) => m.push(m.made(new Set())),
  "\x90": (m) => {
    const values = m.popMark();
    const target = m.top();
    if (!(target instanceof Set)) throw m.malformed("members for something that is no set");
    for (const value of values) target.add(key(value, m));
  },
  "\x91": (m) => m.push(m.made(new Set(m.popMark().map((value) => key(value, m))))),

  // ---- Stack and memo
  "(": (m) => m.mark(),
  0: (m) => {
    if (!m.dropMark()) m.pop();
  },
  1: (m) => void m.popMark(),
  2: (m) => m.push(m.top()),
  q: (m) => m.remember(m.uint8()),
  r: (m) => m.remember(m.uint32()),
  p: (m) => m.remember(Number(integerFrom(m, m.line()))),
  "\x94": (m) => m.remember(m.memo.size),
  h: (m) => m.recall(m.uint8()),
  j: (m) => m.recall(m.uint32()),
  g: (m) => m.recall(Number(integerFrom(m, m.line()))),

  // ---- Names and what is done with them
  c: (m) => {
    const module = m.line();
    m.push(named(m, module, m.line()));
  },
  "\x93": (m) => {
    const [module, name] = popped(m, 2);
    if (typeof module !== "string" || typeof name !== "string") throw m.malformed("a name that is not text");
    m.push(named(m, module, name));
  },
  R: (m) => {
    const [target, args] = popped(m, 2);
    m.push(callableOf(m, target).call(argumentsOf(m, args), m));
  },
  "\x81": (m) => {
    const [target, args] = popped(m, 2);
    m.push(newObject(m, target, args));
  },
  "\x92": (m) => {
    const [target, args] = popped(m, 3);
    m.push(newObject(m, target, args));
  },
  b: (m) => {
    const state = m.pop();
    const target = m.top();
    // Attributes (of an OrderedDict: `_metadata`) are no part of the data; only things that can have some may be given some.
    const fine = target instanceof Map ? state instanceof Map : target?.constructor === OpaqueObject;
    if (!fine) throw m.malformed("attributes for something that has none");
  },
  Q: (m) => m.push(m.rules.storage(m.pop())),
  // The old ways to make an object: nothing that is allowed is written so.
  i: (m) => {
    const module = m.line();
    throw m.forbidden(`an object of ${glimpse(`${module}.${m.line()}`)}`);
  },
  o: (m) => {
    const [target] = m.popMark();
    throw m.forbidden(`an object of ${target instanceof OpaqueObject ? target.className : "something"}`);
  },
};

/** By byte. */
export const instructions: readonly (Instruction | undefined)[] = Array.from(
  { length: 256 },
  (_, byte) => rows[String.fromCharCode(byte)],
);

/** The last `count` values, in the order they were pushed. */
function popped(m: Machine, count: 1 | 2 | 3): Described[] {
  const values: Described[] = [];
  for (let i = count - 1; i >= 0; i--) values[i] = m.pop();
  return values;
}

function tuple(m: Machine, items: Described[]): Described {
  return items.length === 0 ? emptyTuple : m.made(new PickledTuple(items));
}

function list(m: Machine): Described[] {
  const target = m.top();
  if (!Array.isArray(target)) throw m.malformed("elements for something that is no list");
  return target;
}

function setItems(m: Machine, pairs: readonly Described[]): void {
  const target = m.top();
  if (!(target instanceof Map) || pairs.length % 2 !== 0)
    throw m.malformed("entries for something that is no dictionary");
  for (let i = 0; i < pairs.length; i += 2) target.set(key(pairs[i] as Described, m), pairs[i + 1]);
}

function named(m: Machine, module: string, name: string): Described {
  const row = m.rules.globals.get(`${module} ${name}`);
  if (row === undefined) throw m.forbidden(glimpse(`${module}.${name}`));
  return row;
}

function callableOf(m: Machine, target: Described | undefined): CallableRow {
  if (!(target instanceof CallableRow)) throw m.malformed("a call of something that is no function");
  return target;
}

function argumentsOf(m: Machine, args: Described | undefined): readonly Described[] {
  if (!(args instanceof PickledTuple)) throw m.malformed("a call without a tuple of arguments");
  return args.items;
}

function newObject(m: Machine, target: Described | undefined, args: Described | undefined): Described {
  const row = callableOf(m, target);
  if (!row.isOpaque) throw m.malformed(`an object of ${row.className} made in a way that torch.save never uses`);
  return row.call(argumentsOf(m, args), m);
}

/** A little-endian integer in two's complement. */
function integer(m: Machine, length: number): number | bigint {
  const bytes = m.slice(length);
  if (length === 0) return 0;
  if (length > digitLimit) throw m.malformed(`an integer of ${length} bytes`);
  const magnitude = BigInt(`0x${Buffer.from(bytes).reverse().toString("hex")}`);
  return smallest(BigInt.asIntN(8 * length, magnitude));
}

function integerFrom(m: Machine, text: string): number | bigint {
  if (!/^-?\d+$/.test(text) || text.length > digitLimit)
    throw m.malformed(`${glimpse(text)} where an integer should be`);
  return smallest(BigInt(text));
}

/** Numbers where they are exact. */
function smallest(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

const specialFloats: Readonly<Record<string, number>> = { inf: Infinity, "-inf": -Infinity, nan: NaN };

function floatFrom(m: Machine, text: string): number {
  const value = specialFloats[text] ?? (/^[-+\d.eE]+$/.test(text) ? Number(text) : undefined);
  if (value === undefined || (Number.isNaN(value) && text !== "nan")) {
    throw m.malformed(`${glimpse(text)} where a number should be`);
  }
  return value;
}

/** The texts of protocol 0: line feeds, backslashes and others are written as \uXXXX. */
function unescaped(text: string): string {
  return text.replace(
    /\\u([0-9a-fA-F]{4})|\\U(0010[0-9a-fA-F]{4}|000[0-9a-fA-F]{5})/g,
    (_, short?: string, long?: string) => String.fromCodePoint(Number.parseInt(short ?? long ?? "0", 16)),
  );
}
