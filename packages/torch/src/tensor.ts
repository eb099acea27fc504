/**
 * `Tensor`: an n-dimensional array in libtorch's memory, with every operator of operators.txt as a method. The object holds a
 * number (its handle); the memory is freed by `scope`, by `free()`, or late by the garbage collector.
 */
import { markAsUntransferable } from "node:worker_threads";
import { EngineError } from "@rfmedsam/base";
import { type Dtype, dtypeCodes, dtypeOfArray, dtypeOfCode, type TypedArray, typedArrayOver } from "./dtype.js";
import { TensorOperators } from "./generated/operators.js";
import { type Handle, native } from "./native.js";
import { adopt, forget, scope, watch } from "./scope.js";
import { setConstructor } from "./wrap.js";

/** `"cpu"`, `"cuda"`, `"cuda:1"`, or `"meta"` (shapes only, no memory). */
export type Device = string;

export interface BackwardOptions {
  /** Gradient of the final loss with respect to this tensor; needed unless it has one element. */
  readonly gradient?: Tensor;
  readonly retainGraph?: boolean;
  readonly createGraph?: boolean;
}

export class Tensor extends TensorOperators {
  /** 0 once freed. @internal */
  handle: Handle;
  /** Taken out of all scopes. @internal */
  kept = false;
  /** What the garbage collector was told; −1 while it does not watch. @internal */
  watchedBytes = -1;
  #shape: readonly number[] | undefined;

  /** @internal Tensors are made by factories (`tensor`, `zeros`, …) and operators. */
  constructor(handle: Handle) {
    super();
    this.handle = handle;
  }

  /** Extents, outermost dimension first. */
  get shape(): readonly number[] {
    this.#shape ??= native.shape(this.handle);
    return this.#shape;
  }

  get ndim(): number {
    return this.shape.length;
  }

  get numel(): number {
    return this.shape.reduce((count, extent) => count * extent, 1);
  }

  /** The extent of one dimension; negative counts from the end. */
  size(dimension: number): number {
    const extent = this.shape.at(dimension);
    if (extent === undefined) {
      throw new EngineError({
        found: `dimension ${dimension} of a tensor of shape [${this.shape.join(", ")}] was asked for`,
      });
    }
    return extent;
  }

  get dtype(): Dtype {
    return dtypeOfCode(native.dtype(this.handle));
  }

  get device(): Device {
    return native.device(this.handle);
  }

  /** Bytes of the elements. */
  get byteSize(): number {
    return native.byteSize(this.handle);
  }

  get isContiguous(): boolean {
    return native.isContiguous(this.handle);
  }

  get requiresGrad(): boolean {
    return native.requiresGrad(this.handle);
  }

  set requiresGrad(wanted: boolean) {
    native.setRequiresGrad(this.handle, wanted);
  }

  get isLeaf(): boolean {
    return native.isLeaf(this.handle);
  }

  /** The gradient `backward` accumulated here. */
  get grad(): Tensor | undefined {
    const handle = native.grad(this.handle);
    return handle === 0 ? undefined : makeTensor(handle);
  }

  set grad(gradient: Tensor | undefined) {
    native.setGrad(this.handle, gradient?.handle);
  }

  /** Gradients of this tensor with respect to every leaf that wants one, added to their `grad`. */
  backward({ gradient, retainGraph, createGraph = false }: BackwardOptions = {}): void {
    native.backward(this.handle, gradient?.handle, retainGraph ?? createGraph, createGraph);
  }

  /** The same values with another element type or on another device; the tensor itself if nothing changes. */
  to({ dtype, device }: { readonly dtype?: Dtype; readonly device?: Device }): Tensor {
    return this.toDtypeDevice(device ?? this.device, dtype ?? this.dtype);
  }

  float(): Tensor {
    return this.to({ dtype: "float32" });
  }

  /** The only element as a number. */
  item(): number {
    return native.item(this.handle);
  }

  /** A copy of the elements, row by row. Half precision comes as float32, int64 as bigints, bool as 0 and 1. */
  toArray(): TypedArray {
    const dtype = this.dtype;
    if (dtype === "float16" || dtype === "bfloat16")
      return this.#readable("float32", (t) => new Float32Array(native.toBytes(t)));
    return this.#readable(dtype, (t) => typedArrayOver(native.toBytes(t), dtype));
  }

  /** `toArray` for tensors whose values are wanted as float32, whatever they are stored as. */
  toFloat32Array(): Float32Array {
    return this.#readable("float32", (t) => new Float32Array(native.toBytes(t)));
  }

  /** All elements as numbers. */
  toNumbers(): number[] {
    return Array.from(this.toArray() as ArrayLike<number | bigint>, Number);
  }

  /**
   * The elements' bytes without a copy; writing to them writes to the tensor. The memory lives as long as the array.
   *
   * @throws EngineError unless the tensor is contiguous and in main memory
   */
  shareBytes(): Uint8Array {
    return new Uint8Array(native.shareBytes(this.handle));
  }

  #readable<T>(dtype: Dtype, read: (handle: Handle) => T): T {
    const there = native.device(this.handle) === "cpu" && native.dtype(this.handle) === dtypeCodes[dtype];
    if (there && native.isContiguous(this.handle)) return read(this.handle);
    return scope(() => read(this.detach().to({ dtype, device: "cpu" }).contiguous().handle));
  }

  override resize_(size: readonly number[]): this {
    this.#shape = undefined;
    return super.resize_(size);
  }

  /** Takes the tensor out of all scopes: it lives until `free()` or until nothing refers to it. */
  keep(): this {
    if (!this.kept) {
      this.kept = true;
      watch(this);
    }
    return this;
  }

  /** Frees the memory now (unless another tensor shares it). The tensor cannot be used afterwards. */
  free(): void {
    if (this.handle !== 0) native.free(this.release());
  }

  [Symbol.dispose](): void {
    this.free();
  }

  /** Replaces the memory by that of `source`; gradients and identity stay. For moving modules between devices. @internal */
  replaceData(source: Tensor): void {
    forget(this);
    this.setData(source);
    this.#shape = undefined;
    if (this.kept) watch(this);
  }

  /** Becomes what `source` is, which gives its handle up; whether gradients are wanted stays. For models without memory yet. @internal */
  become(source: Tensor): void {
    const { requiresGrad } = this;
    this.free();
    this.handle = source.release();
    this.#shape = undefined;
    if (this.kept) watch(this);
    if (requiresGrad) this.requiresGrad = true;
  }

  /** Gives the handle up without freeing it: for another object to hold, or to be freed with others. @internal */
  release(): Handle {
    if (this.watchedBytes >= 0) forget(this);
    const handle = this.handle;
    this.handle = 0;
    return handle;
  }

  override toString(): string {
    return this.handle === 0 ? "Tensor(freed)" : `Tensor([${this.shape.join(", ")}], ${this.dtype}, ${this.device})`;
  }
}

/** @internal */
export function makeTensor(handle: Handle): Tensor {
  const made = new Tensor(handle);
  adopt(made);
  return made;
}

setConstructor(makeTensor);

/**
 * A tensor from numbers.
 *
 * @param values a typed array (copied as it is) or plain numbers (float32 unless `dtype` says otherwise)
 * @param shape its extents; by default one dimension
 */
export function tensor(
  values: TypedArray | readonly number[] | number,
  shape?: readonly number[],
  { dtype, device = "cpu" }: { readonly dtype?: Dtype; readonly device?: Device } = {},
): Tensor {
  const array =
    typeof values === "number" ? Float32Array.of(values) : ArrayBuffer.isView(values) ? values : arrayOf(values, dtype);
  const extents = shape ?? (typeof values === "number" ? [] : [array.length]);
  const stored = dtypeOfArray(array);
  const made = makeTensor(native.fromBytes(array, extents, dtypeCodes[stored], false));
  if ((dtype ?? stored) === stored && device === "cpu") return made;
  const converted = made.to({ dtype: dtype ?? stored, device });
  made.free();
  return converted;
}

function arrayOf(values: readonly number[], dtype: Dtype | undefined): TypedArray {
  return dtype === "float64" || dtype === "int64" ? Float64Array.from(values) : Float32Array.from(values);
}

/**
 * A tensor over a typed array's own memory (no copy): writing to one writes to the other. The array lives as long as the tensor
 * does; its buffer can from now on not be transferred to another thread (it is copied instead).
 */
export function tensorSharing(array: TypedArray, shape: readonly number[]): Tensor {
  // Handing the buffer to another thread would leave the tensor without memory.
  if (array.buffer instanceof ArrayBuffer) markAsUntransferable(array.buffer);
  return makeTensor(native.fromBytes(array, shape, dtypeCodes[dtypeOfArray(array)], true));
}
