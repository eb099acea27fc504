/**
 * The directory of a ZIP archive, believed only after it was checked: every record lies inside the file and before the directory,
 * none overlaps another, none appears twice, none is encrypted, and each record's own header agrees with the directory.
 *
 * Format: PKWARE's APPNOTE.TXT, sections 4.3 to 4.5 (with ZIP64, which archives beyond 4 GB need).
 */
import { type ByteSource, type StoredBytes, viewOf } from "./byte-source.js";
import { damaged } from "./problems.js";

export interface ZipEntry extends StoredBytes {
  readonly name: string;
  readonly crc32: number;
}

const endSignature = 0x06054b50;
const endBytes = 22;
const longestComment = 0xffff;
const end64Signature = 0x06064b50;
const end64Bytes = 56;
const locatorSignature = 0x07064b50;
const locatorBytes = 20;
const entrySignature = 0x02014b50;
const entryBytes = 46;
const localSignature = 0x04034b50;
const localBytes = 30;
/** A 16- or 32-bit field with this value stands for one in the ZIP64 record. */
const [saturated16, saturated32] = [0xffff, 0xffffffff];

const methods = { stored: 0, deflated: 8 };
/** Flags that say how the data are scrambled: encrypted, a patch, strongly encrypted, with a masked header. */
const scrambledFlags = 0x0001 | 0x0020 | 0x0040 | 0x2000;
const utf8Flag = 0x0800;
/** The largest directory that is read: that of a million records. */
const directoryLimit = 128 * 2 ** 20;
/** Deflate cannot do better: 258 bytes take two bits. */
const bestRatio = 1032;

/** Whether a file starts as an archive does. */
export function looksLikeZip(start: Uint8Array): boolean {
  return (
    start[0] === 0x50 && start[1] === 0x4b && ((start[2] === 3 && start[3] === 4) || (start[2] === 5 && start[3] === 6))
  );
}

interface Directory {
  readonly entries: number;
  readonly start: number;
  readonly bytes: number;
}

/** All records by name, in the order of the directory. @throws CheckpointError */
export function readZipDirectory(source: ByteSource): ReadonlyMap<string, ZipEntry> {
  const { file } = source;
  const directory = findDirectory(source);
  const bytes = source.bytes(directory.start, directory.bytes);
  const entries = new Map<string, ZipEntry>();
  const claimed: Claim[] = [];
  let at = 0;
  for (let i = 0; i < directory.entries; i++) {
    const raw = readEntry(file, bytes, at);
    at = raw.next;
    if (entries.has(raw.name)) {
      throw damaged(file, "malformed_zip", `its archive has the record "${raw.name}" twice`, { expected: "each once" });
    }
    const start = checkLocalHeader(source, raw, directory.start);
    claimed.push({ from: raw.header, to: start + raw.storedBytes, name: raw.name });
    const { name, storedBytes, crc, bytes: length, method } = raw;
    entries.set(name, { name, start, storedBytes, bytes: length, deflated: method === methods.deflated, crc32: crc });
  }
  if (at !== directory.bytes) {
    throw damaged(
      file,
      "malformed_zip",
      `its archive's directory has ${directory.bytes} bytes, its records fill ${at}`,
    );
  }
  refuseOverlaps(file, claimed);
  return entries;
}

/** The end of the directory is at the end of the file, behind it only a comment. */
function findDirectory(source: ByteSource): Directory {
  const { file, size } = source;
  const tail = source.bytes(Math.max(0, size - endBytes - longestComment), Math.min(size, endBytes + longestComment));
  const view = viewOf(tail);
  let at = tail.length - endBytes;
  while (
    at >= 0 &&
    !(view.getUint32(at, true) === endSignature && at + endBytes + view.getUint16(at + 20, true) === tail.length)
  ) {
    at--;
  }
  if (at < 0) {
    throw damaged(file, "truncated", `the archive's directory is missing at the end of its ${size} bytes`, {
      expected: "a file that is whole",
      hint: "copy or download it again",
    });
  }
  const end = size - tail.length + at;
  const short = {
    entries: view.getUint16(at + 10, true),
    bytes: view.getUint32(at + 12, true),
    start: view.getUint32(at + 16, true),
  };
  const disks = [view.getUint16(at + 4, true), view.getUint16(at + 6, true)];
  const long = short.entries === saturated16 || short.bytes === saturated32 || short.start === saturated32;
  const directory = long ? findDirectory64(source, end) : short;
  const { start, bytes, entries } = directory;
  const multiple = !long && (disks.some((disk) => disk !== 0) || view.getUint16(at + 8, true) !== entries);
  if (multiple) throw damaged(file, "malformed_zip", "its archive is in several parts", { expected: "one file" });
  if (start + bytes > end || entries * entryBytes > bytes) {
    throw damaged(
      file,
      "malformed_zip",
      `its archive claims a directory of ${entries} records in ${bytes} bytes from byte ${start} of ${size}`,
      { expected: "a directory inside the file, before its end record" },
    );
  }
  if (bytes > directoryLimit) {
    throw damaged(file, "limit_exceeded", `its archive's directory has ${bytes} bytes`, {
      expected: `at most ${directoryLimit}`,
    });
  }
  return directory;
}

function findDirectory64(source: ByteSource, end: number): Directory {
  const { file } = source;
  const locatorAt = end - locatorBytes;
  const locator = locatorAt < end64Bytes ? undefined : viewOf(source.bytes(locatorAt, locatorBytes));
  const at = locator?.getUint32(0, true) === locatorSignature ? Number(locator.getBigUint64(8, true)) : -1;
  const view = at >= 0 && at + end64Bytes <= locatorAt ? viewOf(source.bytes(at, end64Bytes)) : undefined;
  if (view?.getUint32(0, true) !== end64Signature) {
    throw damaged(file, "malformed_zip", "its archive refers to a ZIP64 directory that is not there");
  }
  const number = (offset: number) => Number(view.getBigUint64(offset, true));
  return { entries: number(32), bytes: number(40), start: number(48) };
}

interface RawEntry {
  readonly name: string;
  readonly rawName: Uint8Array;
  readonly method: number;
  readonly crc: number;
  readonly storedBytes: number;
  readonly bytes: number;
  /** Where the record's own header is. */
  readonly header: number;
  readonly next: number;
}

function readEntry(file: string, directory: Uint8Array, at: number): RawEntry {
  const view = viewOf(directory);
  if (at + entryBytes > directory.length || view.getUint32(at, true) !== entrySignature) {
    throw damaged(file, "malformed_zip", `its archive's directory is damaged at its byte ${at}`);
  }
  const [flags, method] = [view.getUint16(at + 8, true), view.getUint16(at + 10, true)];
  const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) => view.getUint16(at + field, true)) as [
    number,
    number,
    number,
  ];
  const next = at + entryBytes + nameBytes + extraBytes + commentBytes;
  if (next > directory.length) throw damaged(file, "malformed_zip", "its archive's directory ends inside a record");
  const rawName = directory.subarray(at + entryBytes, at + entryBytes + nameBytes);
  const name = decodeName(file, rawName, (flags & utf8Flag) !== 0);
  if ((flags & scrambledFlags) !== 0) {
    throw damaged(file, "malformed_zip", `the record "${name}" of its archive is encrypted`, {
      expected: "plain records",
    });
  }
  if (method !== methods.stored && method !== methods.deflated) {
    throw damaged(file, "malformed_zip", `the record "${name}" of its archive is compressed by method ${method}`, {
      expected: "stored or deflated records",
    });
  }
  const short = [24, 20, 42].map((field) => view.getUint32(at + field, true));
  const extra = directory.subarray(at + entryBytes + nameBytes, at + entryBytes + nameBytes + extraBytes);
  const [bytes, storedBytes, header] = short.includes(saturated32) ? widen(file, name, short, extra) : short;
  return {
    name,
    rawName,
    method,
    crc: view.getUint32(at + 16, true),
    ...checkSizes(file, name, method, bytes as number, storedBytes as number),
    header: header as number,
    next,
  };
}

function checkSizes(file: string, name: string, method: number, bytes: number, storedBytes: number) {
  const believable = method === methods.stored ? bytes === storedBytes : bytes <= storedBytes * bestRatio;
  if (!believable) {
    throw damaged(
      file,
      "malformed_zip",
      `the record "${name}" of its archive claims ${bytes} bytes out of ${storedBytes} ${method === methods.stored ? "stored" : "deflated"} ones`,
    );
  }
  return { bytes, storedBytes };
}

/** The ZIP64 field of a record holds, in this order, those of its numbers that do not fit into 32 bits. */
function widen(file: string, name: string, short: readonly number[], extra: Uint8Array): number[] {
  const view = viewOf(extra);
  for (let at = 0; at + 4 <= extra.length; ) {
    const [id, length] = [view.getUint16(at, true), view.getUint16(at + 2, true)];
    let field = at + 4;
    at = field + length;
    if (id !== 1 || at > extra.length) continue;
    const wide = short.map((value) => {
      if (value !== saturated32 || field + 8 > at) return value;
      field += 8;
      return Number(view.getBigUint64(field - 8, true));
    });
    return wide;
  }
  throw damaged(file, "malformed_zip", `the record "${name}" of its archive lacks its ZIP64 sizes`);
}

function decodeName(file: string, raw: Uint8Array, utf8: boolean): string {
  if (!utf8) return Buffer.from(raw.buffer, raw.byteOffset, raw.length).toString("latin1");
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(raw);
  } catch (cause) {
    throw damaged(file, "malformed_zip", "a record of its archive has a name that is not text", { cause });
  }
}

/** @returns where the record's data begin */
function checkLocalHeader(source: ByteSource, entry: RawEntry, limit: number): number {
  const { name, rawName, header, storedBytes } = entry;
  const inside = header + localBytes + rawName.length <= limit;
  const view = inside ? viewOf(source.bytes(header, localBytes)) : undefined;
  const start =
    view === undefined ? Number.NaN : header + localBytes + view.getUint16(26, true) + view.getUint16(28, true);
  if (!(start + storedBytes <= limit)) {
    throw damaged(
      source.file,
      "malformed_zip",
      `the record "${name}" of its archive claims ${storedBytes} bytes behind byte ${header}, where there are ${Math.max(0, limit - header)}`,
      { expected: "records before the directory" },
    );
  }
  const agrees =
    view?.getUint32(0, true) === localSignature &&
    (view.getUint16(6, true) & scrambledFlags) === 0 &&
    view.getUint16(8, true) === entry.method &&
    view.getUint16(26, true) === rawName.length &&
    Buffer.compare(source.bytes(header + localBytes, rawName.length), rawName) === 0;
  if (!agrees) {
    throw damaged(
      source.file,
      "malformed_zip",
      `the header of the record "${name}" contradicts the archive's directory`,
    );
  }
  return start;
}

interface Claim {
  readonly from: number;
  readonly to: number;
  readonly name: string;
}

/** Records that share bytes are how a small archive expands without end. */
function refuseOverlaps(file: string, claimed: Claim[]): void {
  claimed.sort((a, b) => a.from - b.from);
  for (const [i, { to, name }] of claimed.entries()) {
    const next = claimed[i + 1];
    if (next !== undefined && next.from < to) {
      throw damaged(file, "malformed_zip", `the records "${name}" and "${next.name}" of its archive overlap`);
    }
  }
}
