/**
 * Changes a file in ways that are likely to matter to a parser. Everything drawn comes from the stream that is handed in, so that the
 * same stream gives the same bytes.
 *
 * The kinds of change are those of AFL (M. Zalewski, "havoc" and "splice" stages).
 */
import { joinBytes, type Random } from "@rfmedsam/base";

export interface Ingredients {
  /** Other files of the format, to splice with. */
  readonly seeds: readonly Uint8Array[];
  readonly tokens: readonly Uint8Array[];
  readonly largest: number;
}

type Mutation = (bytes: Uint8Array, random: Random, ingredients: Ingredients) => Uint8Array;

/** Values at which counts, offsets and signs go wrong. */
const extremes = [0n, 1n, 2n, 3n, 7n, 8n, 16n, 32n, 64n, 100n, 127n, 128n, 255n, 256n, 348n, 512n, 540n, 1000n, 1024n]
  .concat([4096n, 32767n, 32768n, 65535n, 65536n, 0x7fffffn, 0x1000000n, 0x7fffffffn, 0x80000000n, 0xffffffffn])
  .concat([1n << 32n, (1n << 53n) - 1n, 1n << 53n, (1n << 63n) - 1n, 1n << 63n, (1n << 64n) - 1n]);
const oddFloats = [0, -0, 1, -1, 0.5, 1e-45, 1e-30, 1e30, 3.4e38, 1e308, 5e-324, 2 ** 31, 2 ** 32, 2 ** 53].concat([
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
]);

const oddDigits = [
  "0",
  "-1",
  "1",
  "2",
  "255",
  "65536",
  "2147483648",
  "4294967296",
  "9007199254740993",
  "1e308",
  "1e999",
]
  .concat(["-0", "NaN", "nan", "inf", "0.1", "1e-320", "99999999999999999999999999", "0x10", ""])
  .map((text) => new TextEncoder().encode(text));
const interestingBytes = [0, 1, 7, 8, 9, 10, 13, 32, 34, 45, 46, 47, 48, 57, 58, 92, 127, 128, 254, 255];

/** The same weights for all, but for some that stand here twice. */
export const mutations: Readonly<Record<string, Mutation>> = {
  "flip a bit": (bytes, random) => edited(bytes, random, 1, (out, at) => (out[at]! ^= 1 << random.below(8))),
  "set a byte": (bytes, random) => edited(bytes, random, 1, (out, at) => (out[at] = random.pick(interestingBytes))),
  "draw a byte": (bytes, random) => edited(bytes, random, 1, (out, at) => (out[at] = random.below(256))),
  "add to a byte": (bytes, random) => edited(bytes, random, 1, (out, at) => (out[at]! += random.below(33) - 16)),
  "extreme integer": (bytes, random) => extremeInteger(bytes, random),
  "extreme integer at an even place": (bytes, random) => extremeInteger(bytes, random, true),
  "add to an integer": (bytes, random) => {
    const width = random.pick([2, 4]);
    const little = random.chance(0.5);
    const by = random.below(65) - 32;
    return edited(bytes, random, width, (out, at) => {
      const view = new DataView(out.buffer, at, width);
      if (width === 2) view.setUint16(0, view.getUint16(0, little) + by, little);
      else view.setUint32(0, view.getUint32(0, little) + by, little);
    });
  },
  "odd float": (bytes, random) => {
    const width = random.pick([4, 8]);
    const value = random.pick(oddFloats);
    const little = random.chance(0.7);
    return edited(bytes, random, width, (out, at) => {
      const view = new DataView(out.buffer, at, width);
      if (width === 4) view.setFloat32(0, value, little);
      else view.setFloat64(0, value, little);
    });
  },
  "replace a number in digits": (bytes, random) => {
    const start = random.below(bytes.length + 1);
    const isDigit = (byte: number | undefined) => byte !== undefined && byte >= 48 && byte <= 57;
    const from = bytes.findIndex((byte, at) => at >= start && isDigit(byte));
    if (from < 0) return bytes;
    let to = from;
    while (isDigit(bytes[to])) to++;
    return joinBytes([bytes.subarray(0, from), random.pick(oddDigits), bytes.subarray(to)]);
  },
  "insert a token": (bytes, random, { tokens }) => {
    if (tokens.length === 0) return bytes;
    const at = random.below(bytes.length + 1);
    return joinBytes([bytes.subarray(0, at), random.pick(tokens), bytes.subarray(at)]);
  },
  "overwrite with a token": (bytes, random, { tokens }) => {
    if (tokens.length === 0) return bytes;
    const token = random.pick(tokens);
    return edited(bytes, random, Math.min(token.length, bytes.length), (out, at) =>
      out.set(token.subarray(0, out.length - at), at),
    );
  },
  "delete a block": (bytes, random) => {
    const { from, to } = block(bytes, random);
    return joinBytes([bytes.subarray(0, from), bytes.subarray(to)]);
  },
  "copy a block": (bytes, random) => {
    const { from, to } = block(bytes, random);
    const at = random.below(bytes.length + 1);
    return joinBytes([bytes.subarray(0, at), bytes.subarray(from, to), bytes.subarray(at)]);
  },
  "copy a block over another": (bytes, random) => {
    const { from, to } = block(bytes, random);
    return edited(bytes, random, to - from, (out, at) => out.copyWithin(at, from, to));
  },
  "repeat a block": (bytes, random) => {
    const { from, to } = block(bytes, random);
    const chunk = bytes.subarray(from, to);
    return joinBytes([bytes.subarray(0, to), ...new Array(2 ** random.below(9)).fill(chunk), bytes.subarray(to)]);
  },
  "insert bytes": (bytes, random) => {
    const at = random.below(bytes.length + 1);
    const chunk = new Uint8Array(1 + random.below(32)).fill(random.pick(interestingBytes));
    if (random.chance(0.5)) for (let i = 0; i < chunk.length; i++) chunk[i] = random.below(256);
    return joinBytes([bytes.subarray(0, at), chunk, bytes.subarray(at)]);
  },
  "fill a block": (bytes, random) => {
    const { from, to } = block(bytes, random);
    return bytes.slice().fill(random.pick(interestingBytes), from, to);
  },
  "cut short": (bytes, random) => bytes.subarray(0, random.below(bytes.length + 1)),
  "splice with another file": (bytes, random, { seeds }) => {
    const other = random.pick(seeds);
    const at = random.below(bytes.length + 1);
    const from = random.chance(0.5) ? Math.min(at, other.length) : random.below(other.length + 1);
    return joinBytes([bytes.subarray(0, at), other.subarray(from)]);
  },
};

const table = Object.values(mutations);

/** 1, 2, 4 … changes on top of one another, few more often than many. The result is a copy. */
export function mutate(bytes: Uint8Array, random: Random, ingredients: Ingredients): Uint8Array {
  let out = bytes;
  let count = 1;
  while (count < 32 && random.chance(0.45)) count *= 2;
  for (let i = 0; i < count; i++) {
    out = random.pick(table)(out, random, ingredients).subarray(0, ingredients.largest);
  }
  return out.slice();
}

/** A copy with `change` made at a random place that has `width` bytes. */
function edited(
  bytes: Uint8Array,
  random: Random,
  width: number,
  change: (out: Uint8Array, at: number) => void,
): Uint8Array {
  if (bytes.length < width || bytes.length === 0) return bytes;
  const out = bytes.slice();
  change(out, place(bytes.length - width + 1, random));
  return out;
}

/** Headers stand in front and say the most, so half of the places are among the first 512 bytes. */
function place(count: number, random: Random): number {
  return random.below(random.chance(0.5) ? Math.min(count, 512) : count);
}

function extremeInteger(bytes: Uint8Array, random: Random, even = false): Uint8Array {
  const width = random.pick([1, 2, 4, 8]);
  const value = random.pick(extremes) + (random.chance(0.2) ? BigInt(random.below(5) - 2) : 0n);
  const little = random.chance(0.7);
  return edited(bytes, random, width, (out, somewhere) => {
    const at = even ? somewhere - (somewhere % width) : somewhere;
    for (let i = 0; i < width; i++) {
      const shift = BigInt(8 * (little ? i : width - 1 - i));
      out[at + i] = Number((value >> shift) & 255n);
    }
  });
}

/** Short blocks more often than long ones. */
function block(bytes: Uint8Array, random: Random): { from: number; to: number } {
  const most = Math.min(bytes.length, 2 ** (1 + random.below(13)));
  const length = random.below(most + 1);
  const from = place(bytes.length - length + 1, random);
  return { from, to: from + length };
}
