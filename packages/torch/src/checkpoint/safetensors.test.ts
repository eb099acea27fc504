import { mkdir, mkdtemp, open, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { CheckpointError, FileError } from "@rfmedsam/base";
import { processorClock } from "@rfmedsam/base/testing";
import { afterAll, beforeAll, describe, expect } from "vitest";
import { type Dtype, dtypeBytes } from "../dtype.js";
import { native } from "../native.js";
import { setNumThreads } from "../runtime.js";
import { liveTensors, scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";
import { liveAfterCollecting } from "../testing/collect.js";
import { readSafetensors, readSafetensorsHeader, writeSafetensors } from "./safetensors.js";

setNumThreads(1);
let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-safetensors-"));
});
afterAll(() => rm(folder, { recursive: true }));

const bytesOf = (t: Tensor) => Buffer.from(scope(() => t.contiguous().shareBytes()).slice());

describe("round trip", () => {
  const dtypes = Object.keys(dtypeBytes) as Dtype[];
  const entry = fc
    .tuple(fc.constantFrom(...dtypes), fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }))
    .chain(([dtype, shape]) => {
      const length = shape.reduce((n, extent) => n * extent, dtypeBytes[dtype]);
      const byte = fc.integer({ min: 0, max: dtype === "bool" ? 1 : 255 });
      return fc.record({
        dtype: fc.constant(dtype),
        shape: fc.constant(shape),
        bytes: fc.array(byte, { minLength: length, maxLength: length }).map((values) => Uint8Array.from(values)),
      });
    });
  const name = fc.oneof(fc.constantFrom("__proto__", "constructor", "a.b.0", 'ü\n"', ""), fc.string());
  const files = fc.dictionary(name, entry, { noNullPrototype: false }).filter((d) => !("__metadata__" in d));

  test.prop([files, fc.dictionary(fc.string(), fc.string())], { numRuns: 40 })(
    "every dtype and shape comes back bit for bit, with names and metadata",
    async (entries, metadata) => {
      const tensors = new Map(
        Object.entries(entries).map(([key, { dtype, shape, bytes }]) => [
          key,
          tensor(bytes).viewDtype(dtype).view(shape),
        ]),
      );
      const file = join(folder, "any.safetensors");
      await writeSafetensors(file, tensors, metadata);
      const back = await readSafetensors(file);
      expect([...back.keys()].sort()).toEqual([...tensors.keys()].sort());
      for (const [key, { dtype, shape, bytes }] of Object.entries(entries)) {
        const found = back.get(key)!;
        expect([found.dtype, found.shape]).toEqual([dtype, shape]);
        expect(bytesOf(found).equals(bytes)).toBe(true);
      }
      expect({ ...(await readSafetensorsHeader(file)).metadata }).toEqual({ ...metadata });
    },
  );

  test("a view is written as its values", async () => {
    const file = join(folder, "view.safetensors");
    await writeSafetensors(file, new Map([["t", tensor([1, 2, 3, 4, 5, 6], [2, 3]).transpose(0, 1)]]));
    const back = (await readSafetensors(file)).get("t");
    expect([back?.shape, back?.toNumbers()]).toEqual([
      [3, 2],
      [1, 4, 2, 5, 3, 6],
    ]);
  });
});

describe("reading maps the file", () => {
  test("tensors lie in memory as in the file, and nothing else stays alive", async () => {
    const file = join(folder, "mapped.safetensors");
    await writeSafetensors(
      file,
      new Map([
        ["a", tensor([1, 2, 3])],
        ["b", tensor(Float64Array.of(4, 5))],
      ]),
    );
    const { entries } = await readSafetensorsHeader(file);
    const before = await liveAfterCollecting();
    const tensors = await readSafetensors(file);
    expect(liveTensors()).toBe(before + 2);
    const [a, b] = ["a", "b"].map((key) => native.dataAddress(tensors.get(key)!.handle) - entries.get(key)!.start);
    expect(a).toBe(b);
    expect(a! % 4096).toBe(0);
  });

  test("a file of a gigabyte costs no memory until it is used", async () => {
    const file = join(folder, "sparse.safetensors");
    const bytes = 2 ** 30;
    const header = headerOf({ t: { dtype: "F32", shape: [bytes / 4], data_offsets: [0, bytes] } });
    const handle = await open(file, "w");
    await handle.write(header);
    await handle.truncate(header.length + bytes);
    await handle.close();
    const before = process.memoryUsage.rss();
    const read = (await readSafetensors(file)).get("t")!;
    expect(read.shape).toEqual([bytes / 4]);
    expect(scope(() => read.narrow(0, bytes / 8, 3).toNumbers())).toEqual([0, 0, 0]);
    expect(process.memoryUsage.rss() - before).toBeLessThan(bytes / 20);
    read.free();
  });

  test("writing to a tensor that was read leaves the file as it is", async () => {
    const file = join(folder, "private.safetensors");
    await writeSafetensors(file, new Map([["t", tensor([1, 2, 3])]]));
    const before = await readFile(file);
    (await readSafetensors(file)).get("t")!.fill_(9);
    expect((await readFile(file)).equals(before)).toBe(true);
  });

  test("tensors that are not aligned in the file are read too", async () => {
    const data = Buffer.alloc(9);
    data.writeFloatLE(1.5, 1);
    data.writeFloatLE(-2, 5); // the header is padded to eight bytes, so these are not aligned
    const header = headerOf({
      u: { dtype: "U8", shape: [1], data_offsets: [0, 1] },
      f: { dtype: "F32", shape: [2], data_offsets: [1, 9] },
    });
    const file = join(folder, "crooked.safetensors");
    await writeFile(file, Buffer.concat([header, data]));
    expect((await readSafetensors(file)).get("f")?.toNumbers()).toEqual([1.5, -2]);
  });
});

/** Header length and header, for files that writeSafetensors would not write. */
function headerOf(header: unknown, claimed?: bigint): Buffer {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const json = Buffer.from(text + " ".repeat(7 - ((Buffer.byteLength(text) + 7) % 8)));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(claimed ?? BigInt(json.length));
  return Buffer.concat([length, json]);
}

const fine = { dtype: "F32", shape: [2], data_offsets: [0, 8] };
const eight = Buffer.alloc(8);
const whole = Buffer.concat([headerOf({ t: fine }), eight]);
const described = (entry: object, data = eight) => Buffer.concat([headerOf({ t: { ...fine, ...entry } }), data]);

/** Files that lie, one a row. */
const hostile: Readonly<Record<string, Buffer>> = {
  empty: Buffer.alloc(0),
  "shorter than a header length": Buffer.alloc(7),
  "cut in the header": whole.subarray(0, 20),
  "cut in the data": whole.subarray(0, whole.length - 1),
  "with bytes after its data": Buffer.concat([whole, eight]),
  "with a header beyond its end": Buffer.concat([headerOf({ t: fine }, 1_000n), eight]),
  "with a header of 2^63 bytes": Buffer.concat([headerOf({ t: fine }, 2n ** 63n), eight]),
  "with a header of 2^64 - 1 bytes": Buffer.concat([headerOf({ t: fine }, 2n ** 64n - 1n), eight]),
  "without a header": headerOf(""),
  "not JSON": headerOf("{not json"),
  "not UTF-8": Buffer.concat([
    headerOf('{"x":1}').subarray(0, 8),
    Buffer.from([0x7b, 0x22, 0xff, 0xfe, 0x22, 0x3a, 0x31, 0x7d]),
  ]),
  "a JSON array": headerOf("[]"),
  "a JSON null": headerOf("null"),
  "a JSON number": headerOf("7"),
  "nested without end": headerOf(`{"a":${"[".repeat(200_000)}`),
  "nested deeply": headerOf(`{"t":${"[".repeat(20_000)}${"]".repeat(20_000)}}`),
  "a pickle": Buffer.from("\x80\x04\x95\x00\x00\x00\x00\x00\x00\x00\x00.", "latin1"),
  "of unknown dtype": described({ dtype: "F128" }),
  "of inherited dtype": described({ dtype: "constructor" }),
  "of no dtype": described({ dtype: undefined }),
  "of numeric dtype": described({ dtype: 6 }),
  "without shape": described({ shape: undefined }),
  "of negative shape": described({ shape: [-2] }),
  "of fractional shape": described({ shape: [2.5] }),
  "of textual shape": described({ shape: ["2"] }),
  "of a million dimensions": described({ shape: new Array(1_000_000).fill(1) }),
  "of overflowing shape": described({ shape: [2 ** 40, 2 ** 40] }),
  "of a shape that overflows to its size": described({ shape: [2 ** 32, 2 ** 32, 2 ** 32] }),
  "of a shape beyond doubles": described({ shape: new Array(40).fill(2 ** 40) }),
  "of empty overflowing shape": described({ shape: [2 ** 40, 2 ** 40, 0], data_offsets: [0, 0] }, Buffer.alloc(0)),
  "without offsets": described({ data_offsets: undefined }),
  "with one offset": described({ data_offsets: [8] }),
  "with three offsets": described({ data_offsets: [0, 8, 8] }),
  "with offsets backwards": described({ data_offsets: [8, 0] }),
  "with negative offsets": described({ data_offsets: [-8, 0] }),
  "with huge offsets": described({ data_offsets: [2 ** 53 - 9, 2 ** 53 - 1] }),
  "with offsets beyond its end": described({ data_offsets: [8, 16] }),
  "with a range of another length": described({ shape: [1] }),
  "with overlapping tensors": Buffer.concat([headerOf({ a: fine, b: fine }), eight]),
  "with a gap": Buffer.concat([headerOf({ a: { ...fine, data_offsets: [8, 16] } }), eight, eight]),
  "with a name twice": Buffer.concat([
    headerOf(`{"t":${JSON.stringify(fine)},"t":${JSON.stringify({ ...fine, data_offsets: [8, 16] })}}`),
    eight,
    eight,
  ]),
  "with a null tensor": headerOf({ t: null }),
  "with a textual tensor": headerOf({ t: "F32" }),
  "with __proto__ for a tensor that lies": headerOf('{"__proto__":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}'),
  "with __proto__ for a description": headerOf('{"t":{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}}'),
  "with numbers for metadata": headerOf({ __metadata__: { a: 1 } }),
  "with a list for metadata": headerOf({ __metadata__: ["a"] }),
  "with booleans that are neither": Buffer.concat([
    headerOf({ t: { dtype: "BOOL", shape: [8], data_offsets: [0, 8] } }),
    Buffer.alloc(8, 2),
  ]),
};

describe("a file that lies is refused, quickly and with its name", () => {
  test.each(Object.entries(hostile))("%s", async (_, bytes) => {
    const file = join(folder, "hostile.safetensors");
    await writeFile(file, bytes);
    const live = await liveAfterCollecting();
    const taken = processorClock();
    const error: unknown = await readSafetensors(file).catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).file).toBe(file);
    expect((error as CheckpointError).message.length).toBeLessThan(2000);
    expect(taken()).toBeLessThan(2000);
    expect(liveTensors()).toBe(live);
  });

  test("a header beyond the limit is refused before it is read", async () => {
    const file = join(folder, "huge.safetensors");
    const handle = await open(file, "w");
    await handle.write(headerOf("{}", 2n ** 31n));
    await handle.truncate(2 ** 32);
    await handle.close();
    await expect(readSafetensors(file)).rejects.toThrow(CheckpointError);
  });

  test.prop([fc.uint8Array({ minLength: 1, maxLength: 12 }), fc.nat()])(
    "whatever bytes are changed, reading works or fails as it should",
    async (noise, at) => {
      const damaged = Buffer.from(whole);
      for (const [i, byte] of noise.entries()) damaged[(at + i) % damaged.length] = byte;
      const file = join(folder, "noise.safetensors");
      await writeFile(file, damaged);
      const result: unknown = await readSafetensors(file).catch((cause: unknown) => cause);
      if (!(result instanceof Map)) expect(result).toBeInstanceOf(CheckpointError);
    },
  );
});

test("what is no file is refused as such", async () => {
  await expect(readSafetensors(join(folder, "missing"))).rejects.toThrow(FileError);
  await mkdir(join(folder, "sub"));
  await expect(readSafetensors(join(folder, "sub"))).rejects.toThrow(FileError);
  await expect(readSafetensors("/dev/zero")).rejects.toThrow(FileError);
});

test("a name that the format keeps for itself is not written", async () => {
  const file = join(folder, "reserved.safetensors");
  await expect(writeSafetensors(file, new Map([["__metadata__", tensor([1])]]))).rejects.toThrow(CheckpointError);
});
