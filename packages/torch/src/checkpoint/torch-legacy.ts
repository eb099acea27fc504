/**
 * The layout of `torch.save` before PyTorch 1.6, one stream: pickles of a magic number, the protocol's version, facts about the
 * computer, the structure and the keys of the storages; then each storage as a count of elements (8 bytes) and its raw elements.
 *
 * Source: `_legacy_save` and `_legacy_load` in torch/serialization.py of PyTorch.
 */
import { type ByteSource, viewOf } from "./byte-source.js";
import { globals, noGlobals } from "./globals.js";
import { type Unpickled, unpickle } from "./pickle.js";
import type { PickleRules } from "./pickle-machine.js";
import type { Described, StorageRecord } from "./pickle-values.js";
import { DamagedCheckpoint, damaged, glimpse } from "./problems.js";
import { inTypes, StorageTable } from "./storage-table.js";
import { type ArchiveRules, type NamedBytes, pickleLimit, type TorchArchive } from "./torch-archive.js";

const magic = 0x1950a86a20f9469cfc6cn;
const protocol = 1001;
/** What the pickle of the magic number has at most, with any protocol. */
const magicBytes = 64;

/** Whether a file starts as a pickle does; one of protocol 1 or 0 starts with the magic number itself, in digits. */
export function looksLikePickle(start: Uint8Array): boolean {
  return start[0] === 0x80 || Buffer.from(start).toString("latin1") === `L${magic}L`.slice(0, start.length);
}

/** @throws CheckpointError */
export function parseLegacy(source: ByteSource, { maxBytes }: ArchiveRules): TorchArchive {
  const { file } = source;
  const plain = {
    file,
    globals: noGlobals,
    storage: () => refuseStorage(file),
    exhausted: "truncated",
    maxBytes,
  } as const;
  let at = checkMagic(source, plain);
  const next = (rules: PickleRules): Described => {
    const { value, end } = unpickleAt(source, at, rules);
    at += end;
    return value;
  };
  const version = next(plain);
  if (version !== protocol) {
    throw damaged(file, "unknown_format", `it is of version ${glimpse(version)}`, { expected: `version ${protocol}` });
  }
  checkComputer(file, next(plain));
  const table = new StorageTable(file);
  const structure = next({ ...plain, globals, storage: (id) => table.find(id) });
  const keys = next(plain);
  return { format: "legacy", structure, storages: locate(source, at, keys, table.records) };
}

function unpickleAt(source: ByteSource, at: number, rules: PickleRules): Unpickled {
  const rest = source.size - at;
  const exhausted = rest > pickleLimit ? "limit_exceeded" : rules.exhausted;
  return unpickle(source.bytes(at, Math.min(rest, pickleLimit)), { ...rules, exhausted });
}

/** @returns where the magic number ends */
function checkMagic(source: ByteSource, rules: PickleRules): number {
  const { file, size } = source;
  const unknown = (cause?: unknown) =>
    damaged(file, "unknown_format", "it starts like a pickle, but not like one that torch.save wrote", {
      expected: "a checkpoint written by torch.save, or a safetensors file",
      cause,
    });
  try {
    const { value, end } = unpickle(source.bytes(0, Math.min(size, magicBytes)), rules);
    if (value === magic) return end;
  } catch (cause) {
    const said = cause instanceof DamagedCheckpoint ? cause.kind : undefined;
    if (said === "forbidden_global" || (said === "truncated" && size < magicBytes)) throw cause;
    throw unknown(cause);
  }
  throw unknown();
}

function refuseStorage(file: string): never {
  throw damaged(file, "malformed_pickle", "its header refers to a storage");
}

function checkComputer(file: string, facts: Described): void {
  const littleEndian = facts instanceof Map ? facts.get("little_endian") : undefined;
  if (typeof littleEndian !== "boolean") {
    throw damaged(file, "malformed_pickle", "its header does not say in which byte order its numbers are");
  }
  if (!littleEndian) {
    throw damaged(file, "unsupported_byteorder", "its numbers are big-endian", {
      expected: "little-endian, which nearly all computers write",
      hint: "load and save it again on such a computer",
    });
  }
}

/** The storages follow in the order of their keys, and fill the file to its end. */
function locate(
  source: ByteSource,
  from: number,
  keys: Described,
  records: ReadonlyMap<string, StorageRecord>,
): Map<StorageRecord, NamedBytes> {
  const { file, size } = source;
  const storages = new Map<StorageRecord, NamedBytes>();
  let at = from;
  for (const key of Array.isArray(keys) ? (keys as readonly Described[]) : []) {
    const record = typeof key === "string" ? records.get(key) : undefined;
    if (record === undefined || storages.has(record)) {
      throw damaged(file, "malformed_pickle", `its list of storages has ${glimpse(key)}, which is none or came before`);
    }
    const start = checkCount(source, at, record);
    at = start + record.bytes;
    storages.set(record, { name: record.key, start, storedBytes: record.bytes, bytes: record.bytes, deflated: false });
  }
  for (const record of records.values()) {
    if (!storages.has(record))
      throw damaged(file, "missing_entry", `storage ${glimpse(record.key)} is not in the file`);
  }
  if (at !== size) {
    throw damaged(file, "trailing_data", `its last storage ends at byte ${at} of ${size}`, {
      expected: "nothing behind it",
    });
  }
  return storages;
}

/** @returns where the elements begin */
function checkCount(source: ByteSource, at: number, record: StorageRecord): number {
  const { file, size } = source;
  const start = at + 8;
  const name = glimpse(record.key);
  const cut = () =>
    damaged(file, "truncated", `it ends at byte ${size}, storage ${name} at ${start + record.bytes}`, {
      expected: "a file that is whole",
      hint: "copy or download it again",
    });
  if (start > size) throw cut();
  const count = viewOf(source.bytes(at, 8)).getBigInt64(0, true);
  if (count !== BigInt(record.count)) {
    const beyond = count > 0 && Number(count) * record.type.elementBytes > size - start;
    throw damaged(
      file,
      beyond ? "storage_too_short" : "storage_size_mismatch",
      `storage ${name} claims ${count} elements`,
      {
        expected: inTypes(record),
      },
    );
  }
  if (start + record.bytes > size) throw cut();
  return start;
}
