/** Checkpoints that PyTorch wrote, held bit for bit against their values; and files made to cheat a reader, refused for the right reason. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { CheckpointError } from "@rfmedsam/base";
import { peakMemory, resetPeakMemory, residentMemory } from "@rfmedsam/base/node";
import { recordDifference, sharedPath } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { setNumThreads } from "../runtime.js";
import { liveTensors, scope } from "../scope.js";
import { Tensor } from "../tensor.js";
import { liveAfterCollecting } from "../testing/collect.js";
import { inspectCheckpoint, readCheckpoint } from "./checkpoint.js";
import { parseTorchArchive } from "./parse-torch.js";
import { OpaqueObject, PickledTuple, type PickledValue, TorchDevice, TorchDtype, TorchSize } from "./pickle-values.js";
import type { DamagedCheckpoint } from "./problems.js";
import { readSafetensors } from "./safetensors.js";
import { readTorchFile } from "./torch-file.js";

setNumThreads(1);
const folder = sharedPath("parity/checkpoints");

type Notation = null | boolean | number | string | { readonly [kind: string]: unknown };
interface Good {
  readonly file: string;
  readonly format: string;
  readonly values: string;
  readonly structure: Notation;
}
interface Bad {
  readonly file: string;
  readonly error: string;
  readonly note: string;
}
const index = JSON.parse(readFileSync(join(folder, "index.json"), "utf8")) as { good: Good[]; bad: Bad[] };

test("there are files to compare with", () => {
  expect(Math.min(index.good.length, index.bad.length)).toBeGreaterThan(0);
});

// ---- Bad files: first, while the process is small

/** Notes that allow reading the file all the same, if nothing is expanded, followed or believed. */
const harmless =
  /a map is fine, then it loads|loading it[^.;]* is fine|loading iteratively[^.;]* is fine|may (also )?(accept|represent|swap)|may load it/;

/** What the note of a bad file allows: kinds of refusal, and reading it. */
function allowed({ error, note }: Bad): { readonly kinds: readonly (string | RegExp)[]; readonly reading: boolean } {
  const another = /error kind may also be (\w+)/.exec(note)?.[1];
  const family = /any error of the storage or shape kind/.test(note) ? [/^(storage|tensor|shape)_|_shape$/] : [];
  const kinds = [error, ...(another === undefined ? [] : [another]), ...family];
  return { kinds, reading: error.startsWith("none") || harmless.test(note) };
}

/** What the note says about the value that comes out. */
function expectAsNoted(value: unknown, note: string): void {
  const number = /loads as the number (\d+)/.exec(note)?.[1];
  if (number !== undefined) expect(value).toBe(Number(number));
  const key = /the key `(\w+)`/.exec(note)?.[1];
  if (key !== undefined) expect([...(value as ReadonlyMap<unknown, unknown>).keys()]).toContain(key);
}

const matches = (kind: string, kinds: readonly (string | RegExp)[]) =>
  kinds.some((wanted) => (typeof wanted === "string" ? wanted === kind : wanted.test(kind)));

interface Outcome {
  readonly value?: unknown;
  readonly error?: unknown;
}
const outcome = (reading: Promise<unknown>): Promise<Outcome> =>
  reading.then(
    (value) => ({ value }),
    (error: unknown) => ({ error }),
  );

const prototypes = () =>
  [Object.prototype, Array.prototype, Map.prototype, Function.prototype].map((p) => Reflect.ownKeys(p).length);

describe("a file that cheats is refused for the right reason, at once, without memory and without running anything", () => {
  test.each(index.bad)("$file: $error", async (bad) => {
    const file = join(folder, bad.file);
    const { kinds, reading } = allowed(bad);
    const before = prototypes();
    resetPeakMemory();
    const held = residentMemory();
    const start = performance.now();
    const { error, value } = await outcome(readTorchFile(file));
    const seconds = (performance.now() - start) / 1000;
    expect(seconds).toBeLessThan(1);
    expect(peakMemory() - held).toBeLessThan(200e6);
    expect(existsSync("/tmp/pwned")).toBe(false);
    expect(prototypes()).toEqual(before);
    if (error === undefined) {
      expect(reading, `read as ${typeof value}`).toBe(true);
      expectAsNoted(value, bad.note);
      return;
    }
    expect(error).toBeInstanceOf(CheckpointError);
    const { kind, message, file: named } = error as DamagedCheckpoint;
    expect(matches(kind, kinds), `${kind}: ${message}`).toBe(true);
    expect(named).toBe(file);
    expect(message).toMatch(/^\S+: \w+ .{10,1500}$/s);
  });

  test.each(index.bad)(
    "$file, asked for its weights or a summary, or as bytes",
    async ({ file: name, error: kind }) => {
      const file = join(folder, name);
      for (const read of [readCheckpoint, inspectCheckpoint]) {
        const { error, value } = await outcome(read(file));
        // Inspecting reads no storage, so that it does not see what only a checksum tells.
        if (error === undefined) expect([read, kind, value]).toEqual([inspectCheckpoint, "crc_mismatch", value]);
        else expect(error).toBeInstanceOf(CheckpointError);
      }
      try {
        parseTorchArchive(readFileSync(file));
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
      expect(existsSync("/tmp/pwned")).toBe(false);
    },
  );
});

test("no bad file leaves a tensor alive", async () => {
  const live = await liveAfterCollecting();
  for (const { file } of index.bad) await outcome(readTorchFile(join(folder, file)));
  expect(liveTensors()).toBe(live);
});

// ---- Good files

interface Written {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Buffer;
}
const written = (t: Tensor): Written => ({
  dtype: t.dtype,
  shape: t.shape,
  bytes: Buffer.from(scope(() => t.contiguous().shareBytes()).slice()),
});

function expectTensor(found: unknown, expected: Tensor | undefined, name: string): void {
  expect(expected, name).toBeInstanceOf(Tensor);
  expect(found, name).toBeInstanceOf(Tensor);
  const [a, b] = [written(found as Tensor), written(expected as Tensor)];
  expect([name, a.dtype, a.shape]).toEqual([name, b.dtype, b.shape]);
  expect(a.bytes.equals(b.bytes), name).toBe(true);
  expect((found as Tensor).requiresGrad).toBe(false);
}

type Values = ReadonlyMap<string, Tensor>;
type Found = PickledValue<Tensor>;

/** One row for each of the index's notations. */
const notations: Readonly<Record<string, (found: Found, expected: never, values: Values, at: string) => void>> = {
  $dict(found, entries: readonly (readonly [Notation, Notation])[], values, at) {
    expect(found, at).toBeInstanceOf(Map);
    const pairs = [...(found as ReadonlyMap<Found, Found>)];
    expect(pairs.length, at).toBe(entries.length);
    for (const [i, [key, value]] of entries.entries()) {
      expectValue(pairs[i]?.[0] as Found, key, values, `${at} key ${i}`);
      expectValue(pairs[i]?.[1] as Found, value, values, `${at}/${String(key)}`);
    }
  },
  $list(found, items: readonly Notation[], values, at) {
    expect(Array.isArray(found), at).toBe(true);
    expectAll(found as readonly Found[], items, values, at);
  },
  $tuple(found, items: readonly Notation[], values, at) {
    expect(found, at).toBeInstanceOf(PickledTuple);
    expectAll((found as PickledTuple<Tensor>).items, items, values, at);
  },
  $tensor: (found, name: string, values, at) => expectTensor(found, values.get(name), at),
  "$torch.Size": (found, extents: readonly number[], _, at) => expect(found, at).toEqual(new TorchSize(extents)),
  "$torch.dtype": (found, name: string, _, at) => expect(found, at).toEqual(new TorchDtype(name)),
  "$torch.device": (found, name: string, _, at) => expect(found, at).toEqual(new TorchDevice(name)),
  $int: (found, digits: string, _, at) => expect(found, at).toBe(BigInt(digits)),
  $float: (found, name: string, _, at) => expect(found, at).toBe({ inf: Infinity, "-inf": -Infinity, nan: NaN }[name]),
  $bytes_hex: (found, hex: string, _, at) => expect(Buffer.from(found as Uint8Array).toString("hex"), at).toBe(hex),
  $opaque(found, className: string, _, at) {
    expect(found, at).toBeInstanceOf(OpaqueObject);
    expect((found as OpaqueObject).className, at).toBe(className);
  },
};

function expectAll(found: readonly Found[], items: readonly Notation[], values: Values, at: string): void {
  expect(found.length, at).toBe(items.length);
  for (const [i, item] of items.entries()) expectValue(found[i] as Found, item, values, `${at}/${i}`);
}

function expectValue(found: Found, expected: Notation, values: Values, at: string): void {
  if (typeof expected !== "object" || expected === null) {
    expect(Object.is(found, expected), `${at}: ${String(found)} instead of ${String(expected)}`).toBe(true);
    return;
  }
  const kind = Object.keys(expected).find((key) => key in notations);
  expect(kind, `${at}: a notation this test knows`).toBeDefined();
  notations[kind as string]?.(found, expected[kind as string] as never, values, at);
}

/** The index describes flat dictionaries in words. */
function spelled(structure: Notation, values: Values): Notation {
  if (typeof structure !== "string") return structure;
  const wrapper = /with the single key `(\w+)`/.exec(structure)?.[1];
  const prefix = wrapper === undefined ? "" : `${wrapper}/`;
  const flat = { $dict: [...values.keys()].map((name) => [name.slice(prefix.length), { $tensor: name }]) };
  return wrapper === undefined ? flat : { $dict: [[wrapper, flat]] };
}

/** The values in the order of their data: the order that "in that order" speaks of. */
async function valuesOf({ values }: Good): Promise<Values> {
  return readSafetensors(join(folder, values));
}

describe("a checkpoint that PyTorch wrote", () => {
  test.each(index.good)("$file has the structure and, bit for bit, the values it was saved with", async (good) => {
    const values = await valuesOf(good);
    const found = await readTorchFile(join(folder, good.file));
    expectValue(found, spelled(good.structure, values), values, "");
    recordDifference({ case: `parity/checkpoints/${good.file}`, absolute: 0, relative: 0, tolerance: 0 });
  });

  test.each(index.good)("$file gives its weights by name, and a summary of them, or says what it is", async (good) => {
    const file = join(folder, good.file);
    const values = await valuesOf(good);
    const structure = spelled(good.structure, values);
    const { error, value } = await outcome(readCheckpoint(file));
    const wanted = weightsIn(structure);
    if (wanted === undefined) {
      expect((error as DamagedCheckpoint).kind).toBe("no_state_dict");
      return;
    }
    const found = value as Map<string, Tensor>;
    expect([...found.keys()]).toEqual(wanted.names);
    for (const [name, tensor] of found) expectTensor(tensor, values.get(wanted.prefix + name), name);
    const summary = await inspectCheckpoint(file);
    const described = [...found].map(([name, { dtype, shape }]) => [name, dtype, shape]);
    expect([...summary.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual(described);
    expect(summary.format).toBe(good.format.split(" ")[0]);
    expect(`${summary.wrapper ?? ""}`).toBe(wanted.prefix.replace("/", ""));
  });
});

/** The dictionary of tensors in a structure: the root or its entry `model`. */
function weightsIn(structure: Notation): { readonly names: readonly string[]; readonly prefix: string } | undefined {
  const entries = entriesOf(structure);
  const inner = entries?.find(([key]) => key === "model")?.[1];
  const [dictionary, prefix] = inner === undefined ? [entries, ""] : [entriesOf(inner), "model/"];
  const flat = dictionary?.every(([, value]) => typeof value === "object" && value !== null && "$tensor" in value);
  return flat ? { names: (dictionary ?? []).map(([key]) => String(key)), prefix } : undefined;
}

function entriesOf(notation: Notation): readonly (readonly [Notation, Notation])[] | undefined {
  if (typeof notation !== "object" || notation === null || !("$dict" in notation)) return undefined;
  return notation.$dict as readonly (readonly [Notation, Notation])[];
}
