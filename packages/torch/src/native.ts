/** Loads the compiled bridge (native/) and types its functions. Tensors cross as handles: numbers that only `Tensor` holds. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { EngineError, ResourceError } from "@rfmedsam/base";

export type Handle = number;
/** An ATen operator; arguments as its schema lists them, `undefined` takes the default. */
export type NativeOperator = (...args: readonly unknown[]) => unknown;

interface Native {
  setErrorFactory(factory: (what: string, message: string, outOfMemory: boolean) => Error): void;
  operator(name: string, overload: string): NativeOperator;
  schema(name: string, overload: string): string;
  fromBytes(bytes: ArrayBufferView | ArrayBuffer, shape: readonly number[], dtype: number, share: boolean): Handle;
  toBytes(tensor: Handle): ArrayBuffer;
  shareBytes(tensor: Handle): ArrayBuffer;
  free(tensor: Handle): void;
  freeAll(tensors: Uint32Array, count: number): void;
  live(): number;
  adjustMemory(bytes: number): number;
  shape(tensor: Handle): number[];
  strides(tensor: Handle): number[];
  dtype(tensor: Handle): number;
  device(tensor: Handle): string;
  byteSize(tensor: Handle): number;
  item(tensor: Handle): number;
  dataAddress(tensor: Handle): number;
  isContiguous(tensor: Handle): boolean;
  requiresGrad(tensor: Handle): boolean;
  setRequiresGrad(tensor: Handle, wanted: boolean): void;
  isLeaf(tensor: Handle): boolean;
  grad(tensor: Handle): Handle;
  setGrad(tensor: Handle, gradient: Handle | undefined): void;
  backward(tensor: Handle, gradient: Handle | undefined, retainGraph: boolean, createGraph: boolean): void;
  gradients(
    outputs: readonly Handle[],
    inputs: readonly Handle[],
    outputGradients: readonly Handle[] | undefined,
    retainGraph: boolean,
    createGraph: boolean,
  ): Handle[];
  record(
    inputs: readonly Handle[],
    outputs: readonly Handle[],
    saved: readonly Handle[],
    wayBack: (saved: Handle[], gradients: Handle[]) => Handle[],
  ): Handle[];
  sequenceNumber(): number;
  leavesBehind(outputs: readonly Handle[], except: readonly Handle[], since: number): Handle[];
  gradMode(): boolean;
  setGradMode(enabled: boolean): boolean;
  autocastState(device: string): [number, number];
  setAutocastCache(enabled: boolean): boolean;
  clearAutocastCache(): void;
  enterAutocast(device: string, dtype: number, enabled: boolean): [number, number];
  leaveAutocast(device: string, enabledBefore: number, dtypeBefore: number): void;
  version(): string;
  configuration(): string;
  deviceCount(device: string): number;
  synchronize(device: string): void;
  setThreads(count: number): void;
  getThreads(): number;
  manualSeed(seed: number): void;
  randomState(device: string): Handle;
  setRandomState(device: string, state: Handle): void;
  deviceMemory(device: string): [free: number, used: number] | undefined;
  devicePeak(device: string): number | undefined;
  resetDevicePeak(device: string): void;
  releaseUnused(device: string): void;
}

const outOfMemoryHint = "use smaller patches or batches, or a machine with more memory";

function load(): Native {
  const file = fileURLToPath(new URL("../build/engine.node", import.meta.url));
  const hint = "run `make setup` in the project's folder, which finds or installs libtorch and builds the engine";
  if (!existsSync(file)) throw new EngineError({ file, found: "the engine is not built", hint });
  try {
    // How long OpenMP's threads spin before they sleep: libgomp's own 300 000 rounds make a shared machine crawl, none at all costs
    // small operators half their speed (docs/decisions/005). Read when libgomp is loaded, which happens in the next line.
    if (process.env.OMP_WAIT_POLICY === undefined) process.env.GOMP_SPINCOUNT ??= "20000";
    const native = createRequire(import.meta.url)(file) as Native;
    native.setErrorFactory((what, message, outOfMemory) => {
      const found = `${what}: ${message.trim().replace(/\.$/, "")}`;
      return outOfMemory ? new ResourceError({ found, hint: outOfMemoryHint }) : new EngineError({ found });
    });
    return native;
  } catch (cause) {
    throw new EngineError({ file, found: `the engine cannot be loaded (${String(cause)})`, hint, cause });
  }
}

export const native: Native = load();

/** Looks an operator up. One that this libtorch lacks fails when it is called, not when the library is loaded. */
export function operator(name: string, overload: string): NativeOperator {
  try {
    return native.operator(name, overload);
  } catch (error) {
    return () => {
      throw error;
    };
  }
}
