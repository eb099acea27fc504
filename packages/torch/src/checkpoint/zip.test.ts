import { fc, test } from "@fast-check/vitest";
import { CheckpointError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { zipFile } from "../testing/zip-writer.js";
import { sourceOf } from "./byte-source.js";
import type { DamagedCheckpoint, ProblemKind } from "./problems.js";
import { readZipDirectory } from "./zip.js";
import { readRecord } from "./zip-record.js";

const read = (bytes: Uint8Array) => {
  const source = sourceOf(bytes, "test.zip");
  return [...readZipDirectory(source).values()].map((entry) => [entry.name, [...readRecord(source, entry)]] as const);
};

function refusal(bytes: Uint8Array): ProblemKind {
  try {
    read(bytes);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).file).toBe("test.zip");
    return (error as DamagedCheckpoint).kind;
  }
  throw new Error("it was read");
}

const name = fc.string({ unit: "binary", maxLength: 20 });
const record = fc.record({ name, bytes: fc.uint8Array({ maxLength: 300 }), deflated: fc.boolean() });
const records = fc.uniqueArray(record, { maxLength: 6, selector: (one) => one.name });
const style = fc.record({ alignment: fc.constantFrom(1, 64), zip64: fc.boolean() });

test.prop([records, style])(
  "records come back in order, stored or deflated, aligned or not, with ZIP64 or without",
  (all, how) => {
    expect(read(zipFile(all, how))).toEqual(all.map(({ name: key, bytes }) => [key, [...bytes]]));
  },
);

test("a stored record is a view, not a copy", () => {
  const file = zipFile([{ name: "a", bytes: Buffer.from("abc") }]);
  const source = sourceOf(file, "test.zip");
  expect(readRecord(source, readZipDirectory(source).get("a")!).buffer).toBe(file.buffer);
});

test("a comment behind the directory is skipped", () => {
  const file = Buffer.concat([zipFile([{ name: "a", bytes: Buffer.from("abc") }]), Buffer.from("PK\x05\x06 and more")]);
  file.writeUInt16LE(13, file.length - 15);
  expect(read(file)).toEqual([["a", [97, 98, 99]]]);
});

describe("an archive that lies is refused", () => {
  const sound = zipFile([
    { name: "f/a", bytes: Buffer.alloc(50, 1) },
    { name: "f/b", bytes: Buffer.alloc(500, 2), deflated: true },
  ]);
  /** Where the directory's entries begin, by their signature. */
  const signature = Buffer.from("PK\x01\x02");
  const first = sound.indexOf(signature);
  const second = sound.indexOf(signature, first + 1);
  const end = sound.length - 22;
  const changed = (at: number, bytes: number, value: number) => {
    const copy = Buffer.from(sound);
    copy.writeUIntLE(value, at, bytes);
    return copy;
  };

  const cases: Readonly<Record<string, readonly [ProblemKind, Uint8Array]>> = {
    empty: ["truncated", Buffer.alloc(0)],
    "cut by a byte": ["truncated", sound.subarray(0, -1)],
    "with a byte too many": ["truncated", Buffer.concat([sound, Buffer.alloc(1)])],
    "with more records than it has": ["malformed_zip", changed(end + 10, 2, 3)],
    "with fewer records than it has": ["malformed_zip", changed(end + 10, 2, 1)],
    "with a directory that starts elsewhere": ["malformed_zip", changed(end + 16, 4, first + 1)],
    "with a directory beyond its end": ["malformed_zip", changed(end + 16, 4, 0x7fffffff)],
    "in several parts": ["malformed_zip", changed(end + 4, 2, 1)],
    "with a ZIP64 directory that is not there": ["malformed_zip", changed(end + 10, 2, 0xffff)],
    "with a record that is encrypted": ["malformed_zip", changed(first + 8, 2, 0x0801)],
    "with a record that is encrypted in its own header only": ["malformed_zip", changed(6, 2, 0x0801)],
    "with an unknown compression": ["malformed_zip", changed(first + 10, 2, 12)],
    "with a compression that its header does not know": ["malformed_zip", changed(first + 10, 2, 8)],
    "with a wrong checksum": ["crc_mismatch", changed(first + 16, 4, 1)],
    "with a wrong checksum of a deflated record": ["crc_mismatch", changed(second + 16, 4, 1)],
    "with a stored record of two sizes": ["malformed_zip", changed(first + 24, 4, 49)],
    "with a deflated record that is longer than it says": ["malformed_zip", changed(second + 24, 4, 499)],
    "with a deflated record that is shorter than it says": ["malformed_zip", changed(second + 24, 4, 501)],
    "with a ratio that deflate cannot reach": ["malformed_zip", changed(second + 24, 4, 0x7fffffff)],
    "with sizes that it does not have": ["malformed_zip", changed(first + 24, 4, 0xffffffff)],
    "with a record beyond its end": ["malformed_zip", changed(first + 42, 4, 0x7fffff00)],
    "with a record in its directory": ["malformed_zip", changed(first + 42, 4, first)],
    "with a record where another one is": ["malformed_zip", changed(second + 42, 4, 0)],
    "with a record that reaches into the next": ["malformed_zip", resized(sound, first)],
    "with another name in the record's header": ["malformed_zip", changed(30, 1, 0x67)],
    "with a name that is not text": ["malformed_zip", changed(first + 46, 1, 0xff)],
    "with a long name": ["malformed_zip", changed(first + 28, 2, 0xffff)],
    "with a record twice": [
      "malformed_zip",
      zipFile([
        { name: "a", bytes: Buffer.of(1) },
        { name: "a", bytes: Buffer.of(2) },
      ]),
    ],
  };
  test.each(Object.entries(cases))("%s", (_, [kind, bytes]) => {
    expect(refusal(bytes)).toBe(kind);
  });

  test.prop([fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 })], { numRuns: 2000 })(
    "or read, whatever bytes are changed",
    (changes) => {
      const bytes = Buffer.from(sound);
      for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
      try {
        read(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(CheckpointError);
      }
    },
  );
});

/** A stored record made 20 bytes longer. */
function resized(sound: Buffer, entry: number): Buffer {
  const copy = Buffer.from(sound);
  for (const at of [entry + 20, entry + 24]) copy.writeUInt32LE(copy.readUInt32LE(at) + 20, at);
  return copy;
}
