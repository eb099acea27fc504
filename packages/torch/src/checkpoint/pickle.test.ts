import { fc, test } from "@fast-check/vitest";
import { describe, expect } from "vitest";
import * as p from "../testing/pickler.js";
import { readPickle, refusalOf } from "../testing/unpickling.js";
import {
  type Described,
  inWords,
  OpaqueObject,
  PickledTuple,
  TensorDescription,
  TorchDevice,
  TorchDtype,
  TorchSize,
} from "./pickle-values.js";

const tuple = (items: readonly Described[]): Described => new PickledTuple(items);
const raw = (latin1: string) => Buffer.from(latin1, "latin1");

describe("values", () => {
  const leaves: fc.Arbitrary<readonly [Described, p.Piece]> = fc.oneof(
    fc.boolean().map((value) => [value, p.bool(value)] as const),
    fc.constant([null, p.none] as const),
    fc.string({ unit: "binary" }).map((value) => [value, p.text(value)] as const),
    fc.double().map((value) => [value, p.float(value)] as const),
    fc.maxSafeInteger().map((value) => [value, p.int(value)] as const),
    fc
      .bigInt(2n ** 53n, 2n ** 120n)
      .chain((value) => fc.constantFrom(value, -value))
      .map((value) => [value, p.int(value)] as const),
  );
  const { value: values } = fc.letrec<{ value: readonly [Described, p.Piece] }>((tie) => {
    const several = fc.array(tie("value"), { maxLength: 4 });
    const made = (make: (items: Described[]) => Described, write: (...pieces: p.Piece[]) => p.Piece) =>
      several.map((items) => [make(items.map(([value]) => value)), write(...items.map(([, piece]) => piece))] as const);
    const entries = fc.uniqueArray(fc.tuple(fc.string(), tie("value")), { maxLength: 4, selector: ([key]) => key });
    const dictionaries = entries.map((pairs) => {
      const map = new Map<Described, Described>(pairs.map(([key, [value]]) => [key, value]));
      return [map, p.dict(...pairs.map(([key, [, piece]]) => [p.text(key), piece] as const))] as const;
    });
    const lists = made((items) => items, p.list);
    const tuples = made((items) => tuple(items), p.tuple);
    return { value: fc.oneof({ depthSize: "small" }, leaves, lists, tuples, dictionaries) };
  });

  test.prop([values, fc.constantFrom(2, 3, 4, 5)])("come out as they went in", ([value, piece], protocol) => {
    expect(readPickle(p.pickled(piece, protocol))).toStrictEqual(value);
  });

  /** Instructions of all protocols, and what Python makes of them. */
  test.each<readonly [string, string, Described]>([
    ["protocol 0 dictionary", "(dp0\nVa\np1\nI7\nsg1\n0.", new Map([["a", 7]])],
    ["protocol 0 list", "(lp0\nF1.5\naI-3\naI01\naI00\na.", [1.5, -3, true, false]],
    [
      "protocol 0 special numbers",
      "(lFinf\naF-inf\naL12345678901234567890L\na.",
      [Infinity, -Infinity, 12345678901234567890n],
    ],
    ["protocol 0 text", "Vna\\u00efve \xfc \\U0001f642 \\u005c\n.", "naïve ü 🙂 \\"],
    ["texts of Python 2", "(U\x01aT\x02\x00\x00\x00bct.", tuple(["a", "bc"])],
    ["small numbers", "(K\xffM\xff\xffJ\xff\xff\xff\xfft.", tuple([255, 65535, -1])],
    ["long integers", "(\x8a\x00\x8a\x01\xff\x8b\x02\x00\x00\x00\x00\x80t.", tuple([0, -1, -32768])],
    [
      "bytes",
      "(C\x01aB\x01\x00\x00\x00b\x8e\x01\x00\x00\x00\x00\x00\x00\x00c\x96\x01\x00\x00\x00\x00\x00\x00\x00dt.",
      tuple(["a", "b", "c", "d"].map(raw).map((b) => new Uint8Array(b))),
    ],
    ["texts of protocol 4", "(\x8c\x01a\x8d\x01\x00\x00\x00\x00\x00\x00\x00bt.", tuple(["a", "b"])],
    ["sets", "(\x8f(K\x01K\x02\x90(K\x03\x91t.", tuple([new Set([1, 2]), new Set([3])])],
    [
      "tuples",
      "()K\x01\x85K\x01K\x02\x86K\x01K\x02K\x03\x87t.",
      tuple([[], [1], [1, 2], [1, 2, 3]].map((items) => tuple(items))),
    ],
    ["the memo", "(K\x07\x94K\x08\x94h\x00h\x01t.", tuple([7, 8, 7, 8])],
    ["frames", "\x80\x04\x95\x03\x00\x00\x00\x00\x00\x00\x00K\x01.", 1],
    ["a dictionary at once", "(X\x01\x00\x00\x00aK\x01d.", new Map([["a", 1]])],
    ["a byte order mark", "X\x03\x00\x00\x00\xef\xbb\xbf.", "\ufeff"],
    ["duplicating", "K\x012\x86.", tuple([1, 1])],
    ["dropping", "K\x01K\x020.", 1],
    ["dropping to a mark", "K\x01(K\x02K\x031.", 1],
    ["dropping a mark", "K\x01(0.", 1],
  ])("%s", (_, pickle, value) => {
    expect(readPickle(raw(pickle))).toStrictEqual(value);
  });

  test("bytes are a copy, so that they do not hold on to the file", () => {
    const file = raw("C\x01a.");
    const found = readPickle(file) as Uint8Array;
    file.fill(0);
    expect(found).toStrictEqual(Uint8Array.of(97));
  });

  test("what occurs twice is one object, as in Python", () => {
    const [a, b] = readPickle(p.pickled(p.list(p.stored(p.list(), 5), p.recalled(5)))) as readonly Described[];
    expect(a).toBe(b);
  });

  test("any key stays a key", () => {
    const keys = ["__proto__", "constructor", "toString"].map((key) => [p.text(key), p.int(1)] as const);
    const others = [[p.tuple(p.int(1), p.none), p.int(2)] as const, [p.none, p.int(3)] as const];
    const found = readPickle(p.pickled(p.dict(...keys, ...others))) as Map<Described, Described>;
    expect([...found.keys()]).toStrictEqual(["__proto__", "constructor", "toString", tuple([1, null]), null]);
    expect(({} as Record<string, unknown>).constructor).toBe(Object);
  });

  test("a number is a bigint exactly where doubles have gaps", () => {
    const numbers = [2n ** 53n - 1n, 2n ** 53n, -(2n ** 53n) + 1n, -(2n ** 63n)];
    const expected = [2 ** 53 - 1, 2n ** 53n, -(2 ** 53) + 1, -(2n ** 63n)];
    expect(readPickle(p.pickled(p.list(...numbers.map(p.int))))).toStrictEqual(expected);
  });
});

describe("names on the list", () => {
  const cases: Readonly<Record<string, readonly [p.Piece, Described]>> = {
    "an OrderedDict of pairs": [
      p.call(p.named("collections", "OrderedDict"), p.list(p.list(p.text("a"), p.int(1)))),
      new Map([["a", 1]]),
    ],
    "a defaultdict": [p.call(p.named("collections", "defaultdict"), p.named("__builtin__", "dict")), new Map()],
    "a Counter": [p.call(p.named("collections", "Counter"), p.dict([p.text("a"), p.int(2)])), new Map([["a", 2]])],
    "a set": [p.call(p.named("builtins", "set"), p.list(p.int(1))), new Set([1])],
    "bytes in protocol 2": [
      p.call(p.named("_codecs", "encode"), p.text("\x00\xff"), p.text("latin1")),
      Uint8Array.of(0, 255),
    ],
    "empty bytes": [p.call(p.named("__builtin__", "bytes")), Uint8Array.of()],
    "a bytearray": [p.call(p.named("builtins", "bytearray"), p.text("a"), p.text("latin-1")), Uint8Array.of(97)],
    "a torch.Size": [p.call(p.named("torch", "Size"), p.tuple(p.int(2), p.int(3))), new TorchSize([2, 3])],
    "a device": [p.call(p.named("torch", "device"), p.text("cuda"), p.int(1)), new TorchDevice("cuda:1")],
    "an element type": [p.named("torch", "float16"), new TorchDtype("float16")],
    "an argparse.Namespace": [
      Buffer.concat([p.named("argparse", "Namespace"), raw(")\x81"), p.dict(), raw("b")]),
      new OpaqueObject("argparse.Namespace"),
    ],
    "a path": [p.call(p.named("pathlib", "PosixPath"), p.text("/")), new OpaqueObject("pathlib.PosixPath")],
    "a NumPy scalar": [
      p.call(p.named("numpy.core.multiarray", "scalar"), p.named("numpy", "dtype")),
      new OpaqueObject("numpy.core.multiarray.scalar"),
    ],
    "a tensor of unsupported elements": [
      p.tensor(p.storage({ type: "ComplexFloatStorage", count: 4 }), 0, [4], [1]),
      new OpaqueObject("torch.Tensor of complex64"),
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [piece, value]) => {
    expect(readPickle(p.pickled(piece))).toStrictEqual(value);
  });

  test("a parameter is its tensor, and one storage serves several", () => {
    const data = p.tensor(p.storage({ count: 6 }), 2, [2, 2], [2, 1]);
    const parameter = p.call(p.named("torch._utils", "_rebuild_parameter"), data, p.bool(true), p.orderedDict);
    const [a, b] = readPickle(p.pickled(p.list(parameter, data))) as readonly TensorDescription[];
    expect(a).toBeInstanceOf(TensorDescription);
    expect(a?.storage).toBe(b?.storage);
    expect([a?.dtype, a?.shape, a?.strides, a?.offset, a?.bytes]).toEqual(["float32", [2, 2], [2, 1], 2, 16]);
    expect(inWords(a as TensorDescription)).toBe("a tensor [2, 2] of float32");
  });

  test("a tensor over an untyped storage says itself what it is of", () => {
    const memory = p.storage({ type: "UntypedStorage", count: 8 });
    const v3 = (dtype: string, count: number) =>
      p.call(
        p.named("torch._utils", "_rebuild_tensor_v3"),
        memory,
        p.int(0),
        p.tuple(p.int(count)),
        p.tuple(p.int(1)),
        p.bool(false),
        p.orderedDict,
        p.named("torch", dtype),
      );
    expect((readPickle(p.pickled(v3("bfloat16", 4))) as TensorDescription).dtype).toBe("bfloat16");
    expect(refusalOf(p.pickled(v3("float64", 2)))).toBe("tensor_out_of_storage");
    expect(refusalOf(p.pickled(p.tensor(memory, 0, [4], [1])))).toBe("malformed_pickle");
  });
});
