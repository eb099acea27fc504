/** Between handles and `Tensor` objects, for the generated operators (which `Tensor` itself extends, hence this detour). */
import { type Dtype, dtypeCodes } from "./dtype.js";
import type { Handle } from "./native.js";
import type { Tensor } from "./tensor.js";

/** A tensor, or a number that takes part in type promotion as a scalar. A number without a fraction counts as an integer. */
export type Operand = Tensor | number;
export type Scalar = number | bigint | boolean;

let construct: (handle: Handle) => Tensor;

export function setConstructor(make: (handle: Handle) => Tensor): void {
  construct = make;
}

export function wrap(handle: unknown): Tensor {
  return construct(handle as Handle);
}

export function wrapAll(handles: unknown): Tensor[] {
  return (handles as Handle[]).map(construct);
}

export function unwrapOperand(value: Operand): unknown {
  return typeof value === "object" ? value.handle : [value];
}

export function unwrap(value: Tensor | null | undefined): Handle | undefined {
  return value?.handle;
}

export function unwrapAll(values: readonly Tensor[]): Handle[] {
  return values.map((value) => value.handle);
}

export function unwrapEach(values: readonly (Tensor | null)[]): (Handle | undefined)[] {
  return values.map((value) => value?.handle);
}

export function dtypeCode(dtype: Dtype | undefined): number | undefined {
  return dtype === undefined ? undefined : dtypeCodes[dtype];
}
