/**
 * Who frees a tensor. Inside `scope(() => …)` every tensor made is freed when the function ends, except those it returns, which
 * pass to the scope around it. Outside all scopes the garbage collector frees them, late; it is told how much memory they hold.
 */
import { EngineError } from "@rfmedsam/base";
import { native } from "./native.js";
import type { Tensor } from "./tensor.js";

let current: Tensor[] | undefined;

interface Collected {
  readonly handle: number;
  readonly bytes: number;
}

const collector = new FinalizationRegistry<Collected>(({ handle, bytes }) => {
  native.adjustMemory(-bytes);
  native.free(handle);
});
const watched = new WeakMap<Tensor, number>();

/** Called for every new tensor. @internal */
export function adopt(tensor: Tensor): void {
  if (current === undefined) watch(tensor);
  else current.push(tensor);
}

/** Leaves a tensor to the garbage collector. @internal */
export function watch(tensor: Tensor): void {
  if (watched.has(tensor) || tensor.handle === 0) return;
  const bytes = native.byteSize(tensor.handle);
  watched.set(tensor, bytes);
  native.adjustMemory(bytes);
  collector.register(tensor, { handle: tensor.handle, bytes }, tensor);
}

/** The tensor's handle is about to become invalid or to change hands. @internal */
export function forget(tensor: Tensor): void {
  const bytes = watched.get(tensor);
  if (bytes === undefined) return;
  watched.delete(tensor);
  native.adjustMemory(-bytes);
  collector.unregister(tensor);
}

/**
 * Runs `body` and frees the tensors made in it, except those found in what it returns (in arrays, maps, sets and plain objects)
 * and those marked with `keep()`. Freed also when `body` throws. Not for async functions: tensors of other tasks would be freed.
 *
 * @example const y = scope(() => layer.forward(x).relu().mul(2)); // only y lives on
 */
export function scope<T>(body: () => T): T {
  const outer = current;
  const mine: Tensor[] = [];
  current = mine;
  let returned: Set<unknown> | undefined;
  try {
    const result = body();
    if (result instanceof Promise) {
      throw new EngineError({
        found: "scope() was given an async function",
        hint: "await first, and wrap only the tensor work in scope()",
      });
    }
    returned = new Set();
    collectTensors(result, returned);
    return result;
  } finally {
    current = outer;
    for (const tensor of mine) {
      if (tensor.kept) watch(tensor);
      else if (returned?.has(tensor)) adopt(tensor);
      else tensor.free();
    }
  }
}

function collectTensors(value: unknown, into: Set<unknown>): void {
  if (typeof value !== "object" || value === null || into.has(value)) return;
  if ("handle" in value && "kept" in value) {
    into.add(value);
    return;
  }
  if (ArrayBuffer.isView(value)) return;
  into.add(value);
  if (value instanceof Map) {
    for (const entry of value.values()) collectTensors(entry, into);
  } else if (Array.isArray(value) || value instanceof Set) {
    for (const entry of value) collectTensors(entry, into);
  } else {
    for (const entry of Object.values(value)) collectTensors(entry, into);
  }
}

/** How many tensors JavaScript holds. A loop that does not leak leaves this number where it was. */
export function liveTensors(): number {
  return native.live();
}
