/**
 * TensorBoard's event files, written by hand: records one after the other, each a serialised `tensorboard.Event`.
 *
 *   record   uint64 length │ uint32 masked CRC-32C of the length │ data │ uint32 masked CRC-32C of the data        (little endian)
 *   Event    1 wall_time: double, 2 step: int64, 3 file_version: string, 5 summary: Summary
 *   Summary  1 value (repeated): 1 tag: string, 2 simple_value: float
 *
 * Sources: tensorflow/core/lib/io/record_writer.h, tensorflow/core/util/event.proto, tensorflow/core/framework/summary.proto.
 */
import { ConfigError, joinBytes } from "@rfmedsam/base";

export interface ScalarEvent {
  /** Seconds since 1970. */
  readonly time: number;
  readonly step: number;
  /** Tag → value; kept as float32. */
  readonly scalars: Readonly<Record<string, number>>;
}

/** The record every event file begins with. */
export function fileHeader(time: number): Uint8Array {
  return record(joinBytes([double(1, time), bytes(3, text("brain.Event:2"))]));
}

/**
 * One event as a record.
 *
 * @throws ConfigError for a step that is no whole number from 0
 */
export function encodeEvent({ time, step, scalars }: ScalarEvent): Uint8Array {
  if (!Number.isSafeInteger(step) || step < 0)
    throw new ConfigError({ found: `an event at step ${step}`, expected: "a whole number from 0" });
  const values = Object.entries(scalars).map(([tag, value]) =>
    bytes(1, joinBytes([bytes(1, text(tag)), float(2, value)])),
  );
  return record(joinBytes([double(1, time), integer(2, step), bytes(5, joinBytes(values))]));
}

function record(data: Uint8Array): Uint8Array {
  const out = new Uint8Array(data.length + 16);
  const view = new DataView(out.buffer);
  view.setBigUint64(0, BigInt(data.length), true);
  view.setUint32(8, maskedCrc32c(out.subarray(0, 8)), true);
  out.set(data, 12);
  view.setUint32(12 + data.length, maskedCrc32c(data), true);
  return out;
}

/** How a protocol buffer's field begins: its number and the kind of what follows. */
const wire = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

const field = (number: number, kind: keyof typeof wire) => varint((number << 3) | wire[kind]);
const text = (content: string) => new TextEncoder().encode(content);
const integer = (number: number, value: number) => joinBytes([field(number, "varint"), varint(value)]);
const bytes = (number: number, data: Uint8Array) => joinBytes([field(number, "bytes"), varint(data.length), data]);

function double(number: number, value: number): Uint8Array {
  const data = new Uint8Array(8);
  new DataView(data.buffer).setFloat64(0, value, true);
  return joinBytes([field(number, "fixed64"), data]);
}

function float(number: number, value: number): Uint8Array {
  const data = new Uint8Array(4);
  new DataView(data.buffer).setFloat32(0, value, true);
  return joinBytes([field(number, "fixed32"), data]);
}

/** Seven bits a byte, lowest first; steps go beyond 32 bits. */
function varint(value: number): Uint8Array {
  const out: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) out.push((rest % 0x80) | 0x80);
  return Uint8Array.of(...out, rest);
}

/** Castagnoli's polynomial, reflected. */
const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  return crc;
});

/** CRC-32C (RFC 3720, appendix B.4). */
export function crc32c(data: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < data.length; i++) crc = table[(crc ^ data[i]!) & 0xff]! ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/** Rotated and shifted, so that a checksum of data that hold checksums stays a good one (record_writer.h). */
function maskedCrc32c(data: Uint8Array): number {
  const crc = crc32c(data);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
