/**
 * Who frees a tensor. Inside `scope(() => …)` every tensor made is freed when the function ends, except those it returns, which
 * pass to the scope around it. Outside all scopes the garbage collector frees them, late; it is told how much memory they hold.
 */
import { EngineError } from "@rfmedsam/base";
import { native } from "./native.js";
import type { Tensor } from "./tensor.js";

/** The tensors of all open scopes, outermost first; a scope is the part of the list from where it began. */
const open: Tensor[] = [];
let depth = 0;

/** Handles to be freed in one call. */
let doomed = new Uint32Array(256);

interface Collected {
  readonly handle: number;
  readonly bytes: number;
}

const collector = new FinalizationRegistry<Collected>(({ handle, bytes }) => {
  report(-bytes);
  native.free(handle);
});

/** Bytes the garbage collector was not told about yet: it need not hear of every small tensor. */
let unreported = 0;
const reportedAtOnce = 1 << 16;

function report(bytes: number): void {
  unreported += bytes;
  if (Math.abs(unreported) < reportedAtOnce) return;
  native.adjustMemory(unreported);
  unreported = 0;
}

/** Called for every new tensor. @internal */
export function adopt(tensor: Tensor): void {
  if (depth === 0) watch(tensor);
  else open.push(tensor);
}

/** Leaves a tensor to the garbage collector. @internal */
export function watch(tensor: Tensor): void {
  if (tensor.watchedBytes >= 0 || tensor.handle === 0) return;
  const bytes = native.byteSize(tensor.handle);
  tensor.watchedBytes = bytes;
  report(bytes);
  collector.register(tensor, { handle: tensor.handle, bytes }, tensor);
}

/** The tensor's handle is about to become invalid or to change hands. @internal */
export function forget(tensor: Tensor): void {
  if (tensor.watchedBytes < 0) return;
  report(-tensor.watchedBytes);
  tensor.watchedBytes = -1;
  collector.unregister(tensor);
}

/**
 * Runs `body` and frees the tensors made in it, except those found in what it returns (in arrays, maps, sets and objects' fields)
 * and those marked with `keep()`. Freed also when `body` throws. Not for async functions: tensors of other tasks would be freed.
 *
 * @example const y = scope(() => layer.forward(x).relu().mul(2)); // only y lives on
 * @throws EngineError when `body` returns a promise
 */
export function scope<T>(body: () => T): T {
  const start = open.length;
  let returned: Set<unknown> | undefined;
  depth++;
  try {
    const result = body();
    if (result instanceof Promise) {
      result.catch(() => {}); // it fails on freed tensors next; the error below is the one to hear
      throw new EngineError({
        found: "scope() was given an async function",
        hint: "await first, and wrap only the tensor work in scope()",
      });
    }
    if (typeof result === "object" && result !== null) {
      returned = new Set();
      collectTensors(result, returned);
    }
    return result;
  } finally {
    depth--;
    close(start, returned);
  }
}

/** Ends the scope that began at `start`: frees its tensors, hands those in `returned` to the scope around it. */
function close(start: number, returned: ReadonlySet<unknown> | undefined): void {
  const end = open.length;
  if (doomed.length < end - start) doomed = new Uint32Array(2 * (end - start));
  let dying = 0;
  let living = start;
  for (let i = start; i < end; i++) {
    const tensor = open[i] as Tensor;
    if (tensor.handle === 0) continue;
    if (tensor.kept) watch(tensor);
    else if (!returned?.has(tensor)) doomed[dying++] = tensor.release();
    else if (depth === 0) watch(tensor);
    else open[living++] = tensor;
  }
  open.length = living;
  if (dying > 0) native.freeAll(doomed, dying);
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
