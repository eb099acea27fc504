/**
 * What a pickle can hold here, as plain data. Numbers, texts, truth values, `null`, bytes (`Uint8Array`), lists (arrays),
 * dictionaries (`Map`, in order, with any key: no key can touch a prototype) and sets are JavaScript's own; the rest are the
 * classes below. Integers that doubles cannot hold are bigints. `T` is what a tensor is: a description, or the tensor itself.
 */
import { type Dtype, dtypeBytes } from "../dtype.js";

export type PickledValue<T> =
  | null
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | T
  | PickledTuple<T>
  | TorchSize
  | TorchDevice
  | TorchDtype
  | OpaqueObject
  | PickledList<T>
  | PickledDict<T>
  | PickledSet<T>;

export interface PickledList<T> extends ReadonlyArray<PickledValue<T>> {}
export interface PickledDict<T> extends ReadonlyMap<PickledValue<T>, PickledValue<T>> {}
export interface PickledSet<T> extends ReadonlySet<PickledValue<T>> {}

/** A Python tuple. */
export class PickledTuple<T> {
  /** Whether Python would take it as a key. */
  readonly hashable: boolean;

  constructor(readonly items: readonly PickledValue<T>[]) {
    this.hashable = items.every(isHashable);
  }
}

export function isHashable(value: unknown): boolean {
  if (value instanceof PickledTuple) return value.hashable;
  return !(Array.isArray(value) || value instanceof Map || value instanceof Set);
}

/** `torch.Size`. */
export class TorchSize {
  constructor(readonly extents: readonly number[]) {}
}

/** `torch.device`, for instance `cuda:0`. */
export class TorchDevice {
  constructor(readonly name: string) {}
}

/** An element type of PyTorch by its name there, which need not be one of `Dtype`. */
export class TorchDtype {
  constructor(readonly name: string) {}
}

/** Something of which only the name is kept: an object of a class that is harmless but of no use here, or a class or storage itself. */
export class OpaqueObject {
  constructor(readonly className: string) {}
}

/** The memory of one or several tensors, as a pickle announces it. */
export class StorageRecord extends OpaqueObject {
  constructor(
    readonly key: string,
    readonly type: StorageType,
    /** Elements; of an untyped storage, bytes. */
    readonly count: number,
  ) {
    super(type.className);
  }

  get bytes(): number {
    return this.count * this.type.elementBytes;
  }
}

/** A storage class: `torch.FloatStorage`, … */
export class StorageType extends OpaqueObject {
  constructor(
    className: string,
    /** PyTorch's name of the elements; `undefined` for a storage of bytes whose tensors say what they are. */
    readonly elements: string | undefined,
    readonly elementBytes: number,
  ) {
    super(className);
  }
}

/** A tensor before it is made: a view of a storage. Offset and strides count elements. */
export class TensorDescription {
  constructor(
    readonly storage: StorageRecord,
    readonly dtype: Dtype,
    readonly shape: readonly number[],
    readonly strides: readonly number[],
    readonly offset: number,
  ) {}

  get elements(): number {
    return this.shape.reduce((product, extent) => product * extent, 1);
  }

  /** What its values take when they lie one after the other. */
  get bytes(): number {
    return this.elements * dtypeBytes[this.dtype];
  }
}

/** What the parsers work on. */
export type Described = PickledValue<TensorDescription>;

/** In words, for errors and summaries. */
export function inWords(value: PickledValue<unknown>): string {
  if (value === null) return "None";
  if (Array.isArray(value)) return counted(value.length, "a list");
  if (value instanceof Map) return counted(value.size, "a dictionary");
  if (value instanceof Set) return counted(value.size, "a set");
  if (value instanceof PickledTuple) return counted(value.items.length, "a tuple");
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  if (value instanceof TorchSize) return "a torch.Size";
  if (value instanceof TorchDevice) return "a torch.device";
  if (value instanceof TorchDtype) return "a torch.dtype";
  if (value instanceof OpaqueObject) return value.className;
  if (value instanceof TensorDescription) return `a tensor [${value.shape.join(", ")}] of ${value.dtype}`;
  const plain: Readonly<Record<string, string>> = { boolean: "a truth value", string: "a text", object: "a tensor" };
  return plain[typeof value] ?? "a number";
}

function counted(length: number, what: string): string {
  return length === 0 ? `${what} that is empty` : `${what} of ${length}`;
}
