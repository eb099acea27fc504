/**
 * The layout of `torch.save` since PyTorch 1.6: an archive with one folder, in it the pickle `data.pkl`, the raw storages `data/KEY`,
 * and since 2.1 `byteorder`. Records are stored, so that tensors can be mapped; archives that another tool compressed are read too.
 *
 * Source: torch/serialization.py and caffe2/serialize/inline_container.h of PyTorch.
 */
import type { ByteSource } from "./byte-source.js";
import { globals } from "./globals.js";
import { unpickle } from "./pickle.js";
import type { StorageRecord } from "./pickle-values.js";
import { damaged, glimpse } from "./problems.js";
import { inTypes, StorageTable } from "./storage-table.js";
import { type ArchiveRules, pickleLimit, type TorchArchive } from "./torch-archive.js";
import { readZipDirectory, type ZipEntry } from "./zip.js";
import { readRecord } from "./zip-record.js";

/** @throws CheckpointError */
export function parseZip(source: ByteSource, { maxBytes }: ArchiveRules): TorchArchive {
  const { file } = source;
  const directory = readZipDirectory(source);
  const folder = findFolder(file, directory);
  const expansion = new Expansion(file, maxBytes);
  const record = (name: string): ZipEntry | undefined => {
    const entry = directory.get(`${folder}/${name}`);
    if (entry !== undefined) expansion.add(entry);
    return entry;
  };

  checkByteOrder(source, record("byteorder"));
  const storages = new Map<StorageRecord, ZipEntry>();
  const table = new StorageTable(file, (storage) =>
    storages.set(storage, locate(file, storage, record(`data/${storage.key}`))),
  );
  const pickle = record("data.pkl") as ZipEntry;
  if (pickle.bytes > pickleLimit) {
    throw damaged(file, "limit_exceeded", `its pickle has ${pickle.bytes} bytes`, {
      expected: `at most ${pickleLimit}`,
    });
  }
  const bytes = readRecord(source, pickle);
  const { value, end } = unpickle(bytes, {
    file,
    globals,
    storage: (id) => table.find(id),
    exhausted: "malformed_pickle",
    maxBytes,
  });
  if (end !== bytes.length) {
    throw damaged(file, "malformed_pickle", `its pickle ends at byte ${end} of ${bytes.length}`);
  }
  return { format: "zip", structure: value, storages };
}

function findFolder(file: string, directory: ReadonlyMap<string, ZipEntry>): string {
  const folders = [...directory.keys()].flatMap((name) => /^([^/]+)\/data\.pkl$/.exec(name)?.[1] ?? []);
  const [folder, second] = folders;
  if (folder === undefined) {
    const names = [...directory.keys()].slice(0, 5).map((name) => glimpse(name));
    throw damaged(
      file,
      "missing_entry",
      `it is an archive without FOLDER/data.pkl (it has ${names.join(", ") || "nothing"})`,
      {
        expected: "a checkpoint written by torch.save",
      },
    );
  }
  if (second !== undefined) {
    throw damaged(
      file,
      "malformed_zip",
      `its archive has two pickles, in ${glimpse(folder)} and in ${glimpse(second)}`,
    );
  }
  return folder;
}

function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): void {
  if (entry === undefined) return;
  const order = entry.bytes > 16 ? "?" : Buffer.from(readRecord(source, entry)).toString("latin1");
  if (order !== "little") {
    throw damaged(source.file, "unsupported_byteorder", `its numbers are in the byte order ${glimpse(order)}`, {
      expected: "little-endian, which nearly all computers write",
      hint: "load and save it again on such a computer",
    });
  }
}

function locate(file: string, storage: StorageRecord, entry: ZipEntry | undefined): ZipEntry {
  const name = glimpse(storage.key);
  if (entry === undefined) {
    throw damaged(file, "missing_entry", `storage ${name} is not in its archive`, {
      expected: "a record for every storage",
    });
  }
  if (entry.bytes !== storage.bytes) {
    const kind = entry.bytes < storage.bytes ? "storage_too_short" : "storage_size_mismatch";
    throw damaged(file, kind, `the record of storage ${name} has ${entry.bytes} bytes`, {
      expected: `${storage.bytes} for ${inTypes(storage)}`,
    });
  }
  return entry;
}

/** What the deflated records that are needed come to, by the directory, which readRecord holds them to. */
class Expansion {
  #bytes = 0;

  constructor(
    readonly file: string,
    readonly limit: number,
  ) {}

  add(entry: ZipEntry): void {
    if (!entry.deflated) return;
    this.#bytes += entry.bytes;
    if (this.#bytes > this.limit) {
      throw damaged(this.file, "limit_exceeded", `its compressed records expand to more than ${this.limit} bytes`, {
        hint: "allow more through `maxBytes` if the file is to be trusted",
      });
    }
  }
}
