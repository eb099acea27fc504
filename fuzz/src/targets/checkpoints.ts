/**
 * Files of weights, read as models are: through the disk, mapped into memory by libtorch, every tensor made and looked at. Pickles are
 * fuzzed a second time inside a sound archive, whose checksums would otherwise turn nearly all changes away.
 */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import { inspectCheckpoint, liveTensors, readCheckpoint, scope, type Tensor } from "@rfmedsam/torch";
import { floats, matrix, zipCheckpoint } from "../../../packages/torch/src/testing/checkpoints.js";
import * as p from "../../../packages/torch/src/testing/pickler.js";
import { zipFile } from "../../../packages/torch/src/testing/zip-writer.js";
import { Nonsense, type Target } from "../target.js";

/** @throws Nonsense also for tensors that are left behind, whether the file was accepted or not */
async function parseFile(bytes: Uint8Array, scratch: string): Promise<void> {
  const file = join(scratch, "input");
  // A new file each time: what may still be mapped keeps its own.
  rmSync(file, { force: true });
  writeFileSync(file, bytes);
  const before = liveTensors();
  const [outcome] = await Promise.allSettled([readFile(file)]);
  if (liveTensors() !== before) throw new Nonsense(`${liveTensors() - before} tensors left behind`);
  if (outcome.status === "rejected") throw outcome.reason;
}

/** `inspectCheckpoint` and `readCheckpoint`, and every element of the tensors. */
async function readFile(file: string): Promise<void> {
  const { tensors: described } = await inspectCheckpoint(file);
  const tensors = await readCheckpoint(file);
  for (const tensor of tensors.values()) look(tensor);
  const agree = [...tensors].every(([name, { shape, dtype }]) => {
    const claim = described.get(name);
    return claim?.dtype === dtype && claim.shape.join() === shape.join();
  });
  for (const tensor of tensors.values()) tensor.free();
  if (!agree || described.size !== tensors.size) throw new Nonsense("a summary of other tensors than the file's");
}

/** Touches every byte that a tensor claims. */
function look(tensor: Tensor): void {
  if (tensor.numel > 0) scope(() => tensor.ne(0).any().item());
}

const six = floats(1, 2, 3, 4, 5, 6);
const memory = p.storage({ count: 6 });
const halves = p.storage({ type: "HalfStorage", key: "1", count: 4 });
const flags = p.storage({ type: "BoolStorage", key: "2", count: 3 });
const storages = { 0: six, 1: new Uint8Array(8), 2: Uint8Array.of(0, 1, 1) };

/** State dicts, bare and wrapped, with views, shared storages, a parameter, and what training scripts put beside them. */
const structures: readonly p.Piece[] = [
  p.dict([p.text("weight"), matrix("0", [2, 3])]),
  p.dict(
    [p.text("a"), p.tensor(memory, 1, [3], [2])],
    [p.text("b"), p.tensor(memory, 5, [2, 2], [0, 0])],
    [p.text("c"), p.tensor(memory, 9, [0, 3], [3, 1])],
    [p.text("d"), p.tensor(halves, 0, [2, 2], [2, 1])],
    [p.text("e"), p.tensor(flags, 0, [3], [1])],
    [p.text("f"), p.tensor(memory, 2, [], [])],
  ),
  p.dict(
    [
      p.text("model"),
      p.dict([
        p.text("w"),
        p.call(
          p.named("torch._utils", "_rebuild_parameter"),
          p.stored(matrix("0", [6]), 1),
          p.bool(true),
          p.orderedDict,
        ),
      ]),
    ],
    [p.text("epoch"), p.int(7)],
    [p.text("loss"), p.float(0.25)],
    [
      p.text("history"),
      p.list(p.int(-1), p.int(2n ** 70n), p.none, p.bool(false), p.tuple(p.text("é"), p.recalled(1))),
    ],
    [p.text("shape"), p.call(p.named("torch", "Size"), p.tuple(p.int(2), p.int(3)))],
    [p.text("device"), p.call(p.named("torch", "device"), p.text("cuda"), p.int(0))],
    [p.text("set"), p.call(p.named("builtins", "set"), p.list(p.int(1), p.int(2)))],
    [
      p.text("arguments"),
      Buffer.concat([p.named("argparse", "Namespace"), Buffer.from(")\u0081", "latin1"), p.dict(), Buffer.from("b")]),
    ],
    [p.text("bytes"), p.call(p.named("_codecs", "encode"), p.text("abc"), p.text("latin1"))],
  ),
];

const pickles = () => structures.flatMap((value) => [p.pickled(value), p.pickled(value, 4)]);

/** Instructions with short arguments, and everything that a checkpoint may name. */
const pickleTokens: readonly string[] = [
  ...[
    "\u0080\u0002",
    ".",
    "(",
    "0",
    "1",
    "2",
    "N",
    "\u0088",
    "\u0089",
    "]",
    ")",
    "}",
    "e",
    "u",
    "t",
    "R",
    "Q",
    "b",
    "s",
    "a",
    "d",
    "l",
  ],
  ...[
    "\u0085",
    "\u0086",
    "\u0087",
    "\u008f",
    "\u0090",
    "\u0091",
    "\u0092",
    "\u0093",
    "\u0094",
    "\u0081",
    "h\0",
    "q\0",
    "j\0\0\0\0",
  ],
  ...[
    "K\u0001",
    "M\0\u0001",
    "J\0\0\0\u0080",
    "\u008a\u0001\u0005",
    "\u008b\0\0\u0001\0",
    "I01\n",
    "I7\n",
    "L5L\n",
    "F1e9\n",
    "G\u007f\u00f0\0\0\0\0\0\0",
  ],
  ...[
    "V\\u0041\n",
    "U\u0001a",
    "C\u0001a",
    "X\u0001\0\0\0a",
    "\u008c\u0001a",
    "\u0095\u0010\0\0\0\0\0\0\0",
    "p1\n",
    "g1\n",
    "B\0\0\0\u0001",
  ],
  ...["OrderedDict", "defaultdict", "Counter"].map((name) => `ccollections\n${name}\n`),
  ...["dict", "set", "frozenset", "bytes", "bytearray"].map((name) => `cbuiltins\n${name}\n`),
  ...["_rebuild_tensor", "_rebuild_tensor_v2", "_rebuild_tensor_v3", "_rebuild_parameter"].map(
    (name) => `ctorch._utils\n${name}\n`,
  ),
  ...["Size", "device", "FloatStorage", "DoubleStorage", "BoolStorage", "float64", "bfloat16"].map(
    (name) => `ctorch\n${name}\n`,
  ),
  ...["c_codecs\nencode\n", "cargparse\nNamespace\n", "ctorch.optim.adam\nAdam\n", "cnumpy\ndtype\n", "cos\nsystem\n"],
];

const zipTokens = [
  "PK\u0003\u0004",
  "PK\u0001\u0002",
  "PK\u0005\u0006",
  "PK\u0006\u0006",
  "PK\u0006\u0007",
  "small/data.pkl",
  "small/data/0",
  "small/byteorder",
  "little",
  "\u0001\0\u0010\0",
];

/** Sets the checksums that an archive's directory and headers keep of stored records. */
function repairZip(bytes: Uint8Array): Uint8Array {
  const out = Buffer.from(bytes);
  for (
    let at = out.indexOf("PK\u0001\u0002");
    at >= 0 && at + 46 <= out.length;
    at = out.indexOf("PK\u0001\u0002", at + 1)
  ) {
    const header = out.readUInt32LE(at + 42);
    if (header + 30 > out.length || out.readUInt16LE(at + 10) !== 0) continue;
    const start = header + 30 + out.readUInt16LE(header + 26) + out.readUInt16LE(header + 28);
    const checksum = crc32(out.subarray(start, start + out.readUInt32LE(at + 20)));
    out.writeUInt32LE(checksum, at + 16);
    out.writeUInt32LE(checksum, header + 14);
  }
  return out;
}

export const archive: Target = {
  name: "checkpoint-zip",
  seeds: () => [
    ...structures.map((value) =>
      zipCheckpoint({ value, storages, others: { byteorder: Buffer.from("little") } }, { alignment: 64 }),
    ),
    zipCheckpoint({ value: structures[1]!, storages }, { zip64: true }),
    zipCheckpoint({ value: structures[1]!, storages, deflated: true }),
  ],
  tokens: [...zipTokens, ...pickleTokens],
  repair: repairZip,
  parse: parseFile,
};

export const legacy: Target = {
  name: "checkpoint-legacy",
  seeds: () => [
    p.legacyFile(p.dict([p.text("weight"), p.tensor(p.storage({ count: 6, legacy: true }), 0, [2, 3], [3, 1])]), [
      ["0", 6, six],
    ]),
    p.legacyFile(structures[0]!, [["0", 6, six]]),
    p.legacyFile(structures[1]!, [
      ["0", 6, six],
      ["1", 4, storages[1]],
      ["2", 3, storages[2]],
    ]),
    p.legacyFile(structures[2]!, [["0", 6, six]]),
  ],
  tokens: pickleTokens,
  parse: parseFile,
};

export const pickle: Target = {
  name: "pickle",
  seeds: pickles,
  tokens: pickleTokens,
  parse(bytes, scratch) {
    const data = Object.entries(storages).map(([key, content]) => ({ name: `small/data/${key}`, bytes: content }));
    return parseFile(zipFile([{ name: "small/data.pkl", bytes }, ...data], { alignment: 64 }), scratch);
  },
};

function safetensorsFile(header: object, data: number): Uint8Array {
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  return Buffer.concat([length, json, new Uint8Array(data)]);
}

const safetensorsTokens = [
  ...["F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL", "F8_E4M3"].map((dtype) => `"${dtype}"`),
  ...[
    '"__metadata__":{"a":"b"}',
    '"dtype"',
    '"shape"',
    '"data_offsets"',
    "[0]",
    "[0,0]",
    "[]",
    "{}",
    "null",
    ",",
    ":",
    '"x":',
    "[2,3]",
  ],
  ...[
    '"__proto__":',
    "[0,24]",
    "9007199254740993",
    "-1",
    "1e5",
    "0.5",
    '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}',
  ],
];

/** Says where the header ends: behind its last bracket. */
function repairSafetensors(bytes: Uint8Array): Uint8Array {
  const end = bytes.lastIndexOf("}".charCodeAt(0)) + 1;
  if (end < 8) return bytes;
  const out = bytes.slice();
  new DataView(out.buffer).setBigUint64(0, BigInt(end - 8), true);
  return out;
}

export const safetensors: Target = {
  name: "safetensors",
  seeds: () => [
    safetensorsFile({ a: { dtype: "F32", shape: [2, 3], data_offsets: [0, 24] } }, 24),
    safetensorsFile(
      {
        __metadata__: { format: "pt", note: "" },
        w: { dtype: "BF16", shape: [3], data_offsets: [8, 14] },
        flag: { dtype: "BOOL", shape: [2, 1], data_offsets: [14, 16] },
        empty: { dtype: "I64", shape: [0, 5], data_offsets: [16, 16] },
        scalar: { dtype: "F64", shape: [], data_offsets: [0, 8] },
      },
      16,
    ),
    safetensorsFile({}, 0),
  ],
  tokens: safetensorsTokens,
  repair: repairSafetensors,
  parse: parseFile,
};
