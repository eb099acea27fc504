/** Pickles that are damaged or made to cheat, assembled by hand or drawn at random. */
import { fc, test } from "@fast-check/vitest";
import { CheckpointError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { describe, expect } from "vitest";
import * as p from "../testing/pickler.js";
import { readPickle, refusalOf } from "../testing/unpickling.js";
import type { ProblemKind } from "./problems.js";

const raw = (latin1: string) => Buffer.from(latin1, "latin1");

describe("what is not on the list is refused", () => {
  const names: readonly (readonly [string, string])[] = [
    ["os", "system"],
    ["builtins", "eval"],
    ["builtins", "getattr"],
    ["torch", "load"],
    ["torch", "serialization.os.system"],
    ["torch.optim.adam", "Adam.step"],
    ["torch.storage", "_load_from_bytes"],
    ["torch.hub", "load"],
    ["collections", "__builtins__"],
    ["", ""],
    ["collections OrderedDict", ""],
  ];
  test.each(names)("%s %s", (module, name) => {
    expect(refusalOf(p.pickled(p.named(module, name)))).toBe("forbidden_global");
    expect(refusalOf(p.pickled(Buffer.concat([p.text(module), p.text(name), raw("\x93")]), 4))).toBe(
      "forbidden_global",
    );
    expect(refusalOf(raw(`(i${module}\n${name}\n.`))).toBe("forbidden_global");
    // Also where only data would be dropped.
    const hidden = Buffer.concat([
      p.named("torch.optim.adam", "Adam"),
      raw(")\x81"),
      p.dict([p.text("x"), p.call(p.named(module, name))]),
      raw("b"),
    ]);
    expect(refusalOf(p.pickled(hidden))).toBe("forbidden_global");
  });

  test("and without a list, everything", () => {
    expect(refusalOf(p.pickled(p.orderedDict), { globals: new Map() })).toBe("forbidden_global");
  });
});

describe("damage", () => {
  const cases: Readonly<Record<string, readonly [ProblemKind, Uint8Array]>> = {
    "an empty pickle": ["malformed_pickle", raw("")],
    "no value": ["malformed_pickle", raw(".")],
    "a value below a mark": ["malformed_pickle", raw("K\x01(.")],
    "a pop below a mark": ["malformed_pickle", raw("K\x01(K\x0200a.")],
    "an odd number of entries": ["malformed_pickle", raw("}(K\x01u.")],
    "elements for a number": ["malformed_pickle", raw("K\x01K\x02a.")],
    "entries for a list": ["malformed_pickle", raw("]K\x01K\x02s.")],
    "members for a list": ["malformed_pickle", raw("](K\x01\x90.")],
    "a list in a set": ["malformed_pickle", raw("\x8f(]\x90.")],
    "a list in a tuple as a key": ["malformed_pickle", raw("}]\x85K\x01s.")],
    "a call without arguments": ["malformed_pickle", Buffer.concat([p.named("torch", "Size"), raw("K\x01R.")])],
    "a new object of a function": ["malformed_pickle", Buffer.concat([p.named("torch", "Size"), raw(")\x81.")])],
    "attributes for a class": ["malformed_pickle", Buffer.concat([p.named("torch.optim.adam", "Adam"), raw("}b.")])],
    "attributes for a number": ["malformed_pickle", raw("K\x01}b.")],
    "a name made of numbers": ["malformed_pickle", raw("K\x01K\x02\x93.")],
    "a name without end": ["malformed_pickle", raw("ctorch\nSize")],
    "an integer of letters": ["malformed_pickle", raw("Iabc\n.")],
    "a number of letters": ["malformed_pickle", raw("Fnan1\n.")],
    "an integer of ten thousand digits": ["malformed_pickle", raw(`L${"9".repeat(10_000)}L\n.`)],
    "an extension code": ["malformed_pickle", raw("\x82\x01.")],
    "a buffer outside": ["malformed_pickle", raw("\x97.")],
    "a persistent id in text": ["malformed_pickle", raw("Pstorage\n.")],
    "bytes above 255": [
      "malformed_pickle",
      p.pickled(p.call(p.named("_codecs", "encode"), p.text("漢"), p.text("latin1"))),
    ],
    "another encoding": [
      "malformed_pickle",
      p.pickled(p.call(p.named("_codecs", "encode"), p.text("a"), p.text("rot13"))),
    ],
    "a cycle through a dictionary": ["malformed_pickle", raw("}\x94K\x01h\x00s.")],
    "a cycle through a tuple": ["malformed_pickle", raw("]\x94h\x00\x85a.")],
    "a storage of a negative count": ["storage_size_mismatch", p.pickled(p.storage({ count: -1 }))],
    "a storage beyond all memory": ["storage_too_short", p.pickled(p.storage({ count: 2n ** 62n }))],
    "one storage of two lengths": [
      "storage_size_mismatch",
      p.pickled(p.list(p.storage({ count: 1 }), p.storage({ count: 2 }))),
    ],
    "a fractional size": ["invalid_shape", p.pickled(p.call(p.named("torch", "Size"), p.tuple(p.float(1.5))))],
    "65 dimensions": [
      "invalid_shape",
      p.pickled(p.tensor(p.storage({ count: 1 }), 0, new Array(65).fill(1), new Array(65).fill(1))),
    ],
    "an empty tensor of endless extents": [
      "shape_overflow",
      p.pickled(p.tensor(p.storage({ count: 1 }), 0, [2 ** 40, 2 ** 40, 0], [1, 1, 1])),
    ],
    "an offset beyond": ["tensor_out_of_storage", p.pickled(p.tensor(p.storage({ count: 1 }), 2n ** 60n, [1], [1]))],
    "strides whose sum leads out": [
      "tensor_out_of_storage",
      p.pickled(p.tensor(p.storage({ count: 5 }), 0, [2, 2], [3, 2])),
    ],
    "a stride beyond doubles": [
      "tensor_out_of_storage",
      p.pickled(p.tensor(p.storage({ count: 5 }), 0, [2], [2n ** 63n])),
    ],
    "more than was allowed": ["limit_exceeded", p.pickled(p.tensor(p.storage({ count: 1 }), 0, [2 ** 19], [0]))],
  };
  test.each(Object.entries(cases))("%s", (_, [kind, bytes]) => {
    expect(refusalOf(bytes)).toBe(kind);
  });

  test("tensors together may not take more than is allowed, however small each is", () => {
    const many = p.list(
      p.storage({ count: 1 }),
      ...Array.from({ length: 9 }, () => p.tensor(p.storage({ count: 1 }), 0, [2 ** 15], [0])),
    );
    expect(refusalOf(p.pickled(many))).toBe("limit_exceeded");
    expect(Array.isArray(readPickle(p.pickled(many), { maxBytes: 9 * 2 ** 17 }))).toBe(true);
  });
});

describe("time and memory stay in proportion", () => {
  const grow = (piece: string, times: number) => raw(piece.repeat(times));
  const long = p.stored(p.list(...Array.from({ length: 50_000 }, () => p.none)), 1);
  const cases: Readonly<Record<string, Uint8Array>> = {
    "a hundred thousand dictionaries in each other": Buffer.concat([
      grow("}K\x01", 100_000),
      raw("N"),
      grow("s", 100_000),
      raw("."),
    ]),
    "three million objects": grow("]", 3_000_000),
    "tuples that double": Buffer.concat([raw("N"), grow("2\x86", 100_000), raw(".")]),
    "the same list copied again and again": Buffer.concat([
      long,
      ...Array.from({ length: 20_000 }, () =>
        Buffer.concat([p.named("builtins", "set"), p.recalled(1), raw("\x85R0")]),
      ),
      raw("."),
    ]),
    "the same text encoded again and again": Buffer.concat([
      p.stored(p.text("a".repeat(100_000)), 1),
      ...Array.from({ length: 20_000 }, () => p.call(p.named("_codecs", "encode"), p.recalled(1), p.text("latin1"))),
      raw("."),
    ]),
  };
  test.each(Object.entries(cases))("%s", (_, bytes) => {
    const taken = processorClock();
    expect(["limit_exceeded", "malformed_pickle"]).toContain(refusalOf(bytes));
    expect(taken()).toBeLessThan(5000);
  });

  test("a structure as deep as Python writes one is read", () => {
    const depth = 900;
    expect(Array.isArray(readPickle(Buffer.concat([grow("]", depth), grow("a", depth - 1), raw(".")])))).toBe(true);
  });
});

describe("whatever the bytes are, there is a value or a CheckpointError", () => {
  const sound = p.pickled(
    p.dict(
      [p.text("w"), p.tensor(p.storage({ count: 6 }), 0, [2, 3], [3, 1])],
      [
        p.text("x"),
        p.list(p.int(1), p.int(2n ** 70n), p.float(1), p.tuple(p.none), p.stored(p.text("t"), 3), p.recalled(3)),
      ],
    ),
  );
  const harmless = (bytes: Uint8Array) => {
    try {
      readPickle(bytes);
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
    }
  };

  test.prop([fc.uint8Array({ maxLength: 200 })], { numRuns: 2000 })("random bytes", harmless);

  // Instructions alone: random bytes seldom get past the first.
  const instructions = fc.constantFrom(
    ..."]})(.Nae0123tlduQRbos\x85\x86\x87\x88\x89\x81\x92\x93\x94\x8f\x90\x91K\x01q\x00h\x00",
    "ctorch\nSize\n",
    "X\x01\x00\x00\x00a",
  );
  test.prop([fc.array(instructions, { maxLength: 60 })], { numRuns: 2000 })("random instructions", (pieces) => {
    harmless(raw(`${pieces.join("")}.`));
  });

  test.prop([fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 6 }), fc.option(fc.nat())], {
    numRuns: 2000,
  })("a sound pickle with bytes changed, or cut", (changes, cut) => {
    const bytes = Buffer.from(sound);
    for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
    harmless(cut === null ? bytes : bytes.subarray(0, cut % bytes.length));
  });
});
