import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { CheckpointError, ConfigError, FileError } from "@rfmedsam/base";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { native } from "../native.js";
import { setNumThreads } from "../runtime.js";
import { liveTensors, scope } from "../scope.js";
import { Tensor } from "../tensor.js";
import { floats, matrix, zipCheckpoint } from "../testing/checkpoints.js";
import { liveAfterCollecting } from "../testing/collect.js";
import * as p from "../testing/pickler.js";
import { zipFile } from "../testing/zip-writer.js";
import { parseTorchArchive } from "./parse-torch.js";
import { OpaqueObject, type PickledValue } from "./pickle-values.js";
import type { DamagedCheckpoint, ProblemKind } from "./problems.js";
import { type CheckpointOptions, readTorchFile } from "./torch-file.js";

setNumThreads(1);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-torch-file-"));
});
afterAll(() => rm(folder, { recursive: true }));

type Value = PickledValue<Tensor>;

async function read(bytes: Uint8Array, options?: CheckpointOptions): Promise<Value> {
  const file = join(folder, "small.pt");
  await writeFile(file, bytes);
  return await readTorchFile(file, options);
}

async function refusal(bytes: Uint8Array, options?: CheckpointOptions): Promise<ProblemKind> {
  const error: unknown = await read(bytes, options).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(CheckpointError);
  expect((error as CheckpointError).file).toBe(join(folder, "small.pt"));
  return (error as DamagedCheckpoint).kind;
}

const six = floats(1, 2, 3, 4, 5, 6);
const memory = p.storage({ count: 6 });
const tensors = p.list(
  p.tensor(memory, 0, [2, 3], [3, 1]),
  p.tensor(memory, 1, [3], [2]),
  p.tensor(memory, 0, [3, 2], [1, 3]),
  p.tensor(memory, 5, [2, 2], [0, 0]),
  p.tensor(memory, 9, [0, 3], [3, 1]),
  p.tensor(memory, 2, [], []),
);
const contents = [[1, 2, 3, 4, 5, 6], [2, 4, 6], [1, 4, 2, 5, 3, 6], [6, 6, 6, 6], [], [3]];

const layouts: Readonly<Record<string, Buffer>> = {
  "an archive with aligned records": zipCheckpoint({ value: tensors, storages: { 0: six } }, { alignment: 64 }),
  "an archive with ZIP64 records": zipCheckpoint(
    { value: tensors, storages: { 0: six } },
    { alignment: 64, zip64: true },
  ),
  "an archive without alignment": zipCheckpoint({ value: p.list(tensors, p.text("padding")), storages: { 0: six } }),
  "a compressed archive": zipCheckpoint({ value: tensors, storages: { 0: six }, deflated: true }),
  "the legacy layout": p.legacyFile(tensors, [["0", 6, six]]),
};

describe.each(Object.entries(layouts))("%s", (_, bytes) => {
  const all = async () => {
    const [first, ...more] = (await read(bytes)) as readonly Value[];
    return (first instanceof Tensor ? [first, ...more] : first) as readonly Tensor[];
  };

  test("gives views as their values", async () => {
    const found = await all();
    expect(found.map((t) => t.toNumbers())).toEqual(contents);
    expect(found.map(({ shape }) => shape)).toEqual([[2, 3], [3], [3, 2], [2, 2], [0, 3], []]);
    expect(found.every(({ requiresGrad }) => !requiresGrad)).toBe(true);
  });

  test("keeps memory that was shared shared, and the file as it is", async () => {
    const [a, b] = await all();
    a?.fill_(7);
    expect(b?.toNumbers()).toEqual([7, 7, 7]);
    const [again] = await all();
    expect(again?.toNumbers()).toEqual(contents[0]);
  });
});

test("tensors of an aligned archive lie in the mapped file, and nothing else stays alive", async () => {
  const value = p.list(matrix("0", [6]), matrix("1", [2]));
  const bytes = zipCheckpoint({ value, storages: { 0: six, 1: floats(7, 8) } }, { alignment: 64 });
  const before = await liveAfterCollecting();
  const [a, b] = (await read(bytes)) as readonly Tensor[];
  expect(liveTensors()).toBe(before + 2);
  const distance = native.dataAddress(b!.handle) - native.dataAddress(a!.handle);
  expect(distance).toBe(bytes.indexOf(floats(7, 8)) - bytes.indexOf(six));
});

test("a tensor that occurs twice is one, also as a key", async () => {
  const one = p.stored(matrix("0", [6]), 9);
  const found = await read(
    zipCheckpoint({ value: p.list(one, p.dict([p.recalled(9), p.int(1)])), storages: { 0: six } }),
  );
  const [tensor, map] = found as readonly [Tensor, Map<Value, Value>];
  expect([...map.keys()][0]).toBe(tensor);
  expect(scope(() => tensor.add(1).toNumbers())).toEqual([2, 3, 4, 5, 6, 7]);
});

test("names of functions and classes come out as names, without what they do here", async () => {
  const value = p.list(p.named("collections", "OrderedDict"), memory);
  const found = await read(zipCheckpoint({ value, storages: { 0: six } }));
  expect(found).toStrictEqual([new OpaqueObject("collections.OrderedDict"), new OpaqueObject("torch.FloatStorage")]);
});

describe("limits", () => {
  const zeros = new Uint8Array(2 ** 26);
  const bomb = zipCheckpoint({ value: matrix("0", [2 ** 24]), storages: { 0: zeros }, deflated: true });

  test("a small file that expands to much is refused, unless the caller allows as much", async () => {
    expect(bomb.length).toBeLessThan(100_000);
    expect(await refusal(bomb)).toBe("limit_exceeded");
    expect(await refusal(bomb, { maxBytes: 2 ** 26 - 1 })).toBe("limit_exceeded");
    const found = (await read(bomb, { maxBytes: 2 ** 26 + 1000 })) as Tensor;
    expect(found.shape).toEqual([2 ** 24]);
    found.free();
  });

  test("so is a small tensor that repeats itself", async () => {
    const value = p.tensor(p.storage({ count: 1 }), 0, [2 ** 24], [0]);
    const bytes = zipCheckpoint({ value, storages: { 0: floats(1) } });
    expect(await refusal(bytes)).toBe("limit_exceeded");
    expect(((await read(bytes, { maxBytes: 2 ** 26 })) as Tensor).shape).toEqual([2 ** 24]);
  });

  test.each([-1, Number.NaN])("%s is no number of bytes", async (maxBytes) => {
    await expect(read(bomb, { maxBytes })).rejects.toThrow(ConfigError);
  });
});

describe("a file that lies is refused", () => {
  const value = matrix("0", [6]);
  const flipped = zipCheckpoint({ value, storages: { 0: six } });
  flipped[flipped.indexOf(six)]! ^= 1;
  const legacy = p.legacyFile(value, [["0", 6, six]]);
  const boolean = p.tensor(p.storage({ type: "BoolStorage", count: 2 }), 0, [2], [1]);
  const cases: Readonly<Record<string, readonly [ProblemKind, Uint8Array]>> = {
    empty: ["truncated", Buffer.alloc(0)],
    "of text": ["unknown_format", Buffer.from("weights")],
    "a pickle of something else": ["unknown_format", p.pickled(p.int(1))],
    "with a bit of a tensor changed": ["crc_mismatch", flipped],
    "without a storage": ["missing_entry", zipCheckpoint({ value, storages: {} })],
    "with a storage too short": ["storage_too_short", zipCheckpoint({ value, storages: { 0: six.subarray(4) } })],
    "with a storage too long": [
      "storage_size_mismatch",
      zipCheckpoint({ value, storages: { 0: floats(1, 2, 3, 4, 5, 6, 7) } }),
    ],
    "with two pickles": [
      "malformed_zip",
      zipFile(["a", "b"].map((name) => ({ name: `${name}/data.pkl`, bytes: p.pickled(p.none) }))),
    ],
    "of unknown byte order": [
      "unsupported_byteorder",
      zipCheckpoint({ value, storages: { 0: six }, others: { byteorder: Buffer.from("middle") } }),
    ],
    "with booleans that are neither": [
      "invalid_value",
      zipCheckpoint({ value: boolean, storages: { 0: Uint8Array.of(1, 2) } }),
    ],
    "with something behind the pickle": [
      "malformed_pickle",
      zipCheckpoint({ value: Buffer.concat([value, Buffer.from(".N")]), storages: { 0: six } }),
    ],
    "legacy, cut in the magic number": ["truncated", legacy.subarray(0, 5)],
    "legacy, cut in the data": ["truncated", legacy.subarray(0, -1)],
    "legacy, cut in a count": ["truncated", legacy.subarray(0, -27)],
    "legacy, with bytes behind": ["trailing_data", Buffer.concat([legacy, six])],
    "legacy, with a storage that is not listed": ["missing_entry", p.legacyFile(value, [])],
    "legacy, with a storage listed twice": [
      "malformed_pickle",
      p.legacyFile(value, [
        ["0", 6, six],
        ["0", 6, six],
      ]),
    ],
    "legacy, with a storage of nobody": [
      "malformed_pickle",
      p.legacyFile(value, [
        ["0", 6, six],
        ["1", 6, six],
      ]),
    ],
    "legacy, with another count": ["storage_size_mismatch", p.legacyFile(value, [["0", 5, six]])],
  };
  test.each(Object.entries(cases))("%s", async (_, [kind, bytes]) => {
    expect(await refusal(bytes)).toBe(kind);
  });

  test("and leaves no tensor alive", async () => {
    const live = await liveAfterCollecting();
    for (const [, bytes] of Object.values(cases)) await refusal(bytes);
    expect(liveTensors()).toBe(live);
  });

  test("what is no file is refused as such", async () => {
    await expect(readTorchFile(join(folder, "missing"))).rejects.toThrow(FileError);
    await expect(readTorchFile(folder)).rejects.toThrow(FileError);
    await expect(readTorchFile("/dev/zero")).rejects.toThrow(FileError);
  });
});

describe("whatever bytes are changed, parsing gives a structure or a CheckpointError", () => {
  const changes = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 });
  const cuts = fc.option(fc.nat());
  test.prop([fc.constantFrom(...Object.values(layouts)), changes, cuts], { numRuns: 2000 })(
    "of a sound file",
    (sound, all, cut) => {
      const bytes = Buffer.from(cut === null ? sound : sound.subarray(0, cut % sound.length));
      for (const [at, byte] of all) if (bytes.length > 0) bytes[at % bytes.length] = byte;
      try {
        parseTorchArchive(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    },
  );

  test.prop([changes], { numRuns: 50 })("and reading the file does the same", async (all) => {
    const bytes = Buffer.from(layouts["the legacy layout"]!);
    for (const [at, byte] of all) bytes[at % bytes.length] = byte;
    const found: unknown = await read(bytes).catch((error: unknown) => error);
    if (found instanceof Error) expect(found).toBeInstanceOf(CheckpointError);
  });
});
