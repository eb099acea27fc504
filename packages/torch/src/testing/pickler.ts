/** Assembles pickles by hand, sound ones and others, for tests of the reader. */

/** A piece of a pickle that leaves one value on the stack. */
export type Piece = Buffer;

const bytes = (...values: number[]) => Buffer.from(values);
const u32 = (value: number) => {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
};
const code = (instruction: string, ...rest: Buffer[]) => Buffer.concat([Buffer.from(instruction, "latin1"), ...rest]);

export const none: Piece = code("N");
export const bool = (value: boolean): Piece => code(value ? "\x88" : "\x89");
export const text = (value: string): Piece => code("X", u32(Buffer.byteLength(value)), Buffer.from(value));

export function int(value: number | bigint): Piece {
  if (value >= 0 && value < 256) return code("K", bytes(Number(value)));
  const hex = BigInt.asUintN(128, BigInt(value)).toString(16).padStart(32, "0");
  return code("\x8a", bytes(16), Buffer.from(hex, "hex").reverse());
}

export const float = (value: number): Piece => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return code("G", buffer);
};
export const list = (...items: Piece[]): Piece => code("](", ...items, code("e"));
export const tuple = (...items: Piece[]): Piece => code("(", ...items, code("t"));
export const dict = (...entries: (readonly [Piece, Piece])[]): Piece => code("}(", ...entries.flat(), code("u"));
export const named = (module: string, name: string): Piece => code("c", Buffer.from(`${module}\n${name}\n`));
export const call = (target: Piece, ...args: Piece[]): Piece => Buffer.concat([target, tuple(...args), code("R")]);
export const persistent = (id: Piece): Piece => Buffer.concat([id, code("Q")]);
/** Puts a value into the memo. */
export const stored = (value: Piece, index: number): Piece => Buffer.concat([value, code("r", u32(index))]);
export const recalled = (index: number): Piece => code("j", u32(index));

export const orderedDict = call(named("collections", "OrderedDict"));

export interface StorageFacts {
  readonly type?: string;
  readonly key?: string;
  readonly count: number | bigint;
  /** The legacy layout's sixth element. */
  readonly legacy?: boolean;
}

export const storage = ({ type = "FloatStorage", key = "0", count, legacy = false }: StorageFacts): Piece =>
  persistent(
    tuple(text("storage"), named("torch", type), text(key), text("cpu"), int(count), ...(legacy ? [none] : [])),
  );

export const tensor = (
  memory: Piece,
  offset: number | bigint,
  shape: readonly (number | bigint)[],
  strides: readonly (number | bigint)[],
): Piece =>
  call(
    named("torch._utils", "_rebuild_tensor_v2"),
    memory,
    int(offset),
    tuple(...shape.map(int)),
    tuple(...strides.map(int)),
    bool(false),
    orderedDict,
  );

/** A pickle of one value. */
export const pickled = (value: Piece, protocol = 2): Buffer => code("\x80", bytes(protocol), value, code("."));

/** The file in the legacy layout. @param storages by key, in the order in which the file lists them */
export function legacyFile(
  value: Piece,
  storages: readonly (readonly [key: string, count: number, bytes: Uint8Array])[],
): Buffer {
  const header = [
    pickled(int(0x1950a86a20f9469cfc6cn)),
    pickled(int(1001)),
    pickled(dict([text("protocol_version"), int(1001)], [text("little_endian"), bool(true)])),
    pickled(value),
    pickled(list(...storages.map(([key]) => text(key)))),
  ];
  const data = storages.flatMap(([, count, raw]) => {
    const length = Buffer.alloc(8);
    length.writeBigInt64LE(BigInt(count));
    return [length, raw];
  });
  return Buffer.concat([...header, ...data]);
}
