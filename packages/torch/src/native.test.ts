/** The bridge itself: memory shared both ways, errors, numbers, several environments at once. */

import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { EngineError, ResourceError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { empty, full, ones, zeros } from "./factories.js";
import * as F from "./functional.js";
import { native, operator } from "./native.js";
import { setNumThreads } from "./runtime.js";
import { liveTensors, scope } from "./scope.js";
import { tensor, tensorSharing } from "./tensor.js";
import { collect, liveAfterCollecting } from "./testing/collect.js";

setNumThreads(1);
const turn = () => new Promise((done) => setTimeout(done, 5));

/** Whether an object goes away. Asking a WeakRef holds its object until the next turn, so asking and collecting take turns. */
async function goesAway(watched: WeakRef<object>, rounds = 100): Promise<boolean> {
  for (let round = 0; round < rounds; round++) {
    native.free(0); // a call that gives lent arrays back
    await turn();
    collect();
    await turn();
    if (watched.deref() === undefined) return true;
  }
  return false;
}

describe("memory is shared without copies", () => {
  test("a tensor over a typed array: each sees the other's writes", () => {
    scope(() => {
      const array = Float32Array.of(0, 1, 2, 3, 4, 5).subarray(1, 5);
      const x = tensorSharing(array, [2, 2]);
      array[0] = 10;
      expect(x.toNumbers()).toEqual([10, 2, 3, 4]);
      x.mul_(2);
      expect([...array]).toEqual([20, 4, 6, 8]);
      expect(array.buffer.byteLength).toBe(24);
    });
  });

  test("bytes over a tensor: each sees the other's writes, and outlive the tensor", async () => {
    const live = liveTensors();
    const x = tensor(Float32Array.of(1, 2));
    const bytes = x.shareBytes();
    const values = new Float32Array(bytes.buffer);
    values[1] = 7;
    expect(x.toNumbers()).toEqual([1, 7]);
    x.fill_(3);
    expect([...values]).toEqual([3, 3]);
    x.free();
    expect(liveTensors()).toBe(live);
    collect();
    await turn();
    expect([...values]).toEqual([3, 3]);
  });

  test("the same memory may be shared twice, and empty memory too", () => {
    scope(() => {
      const x = ones([2]);
      const [a, b] = [x.shareBytes(), x.shareBytes()];
      a.fill(0);
      expect([...b]).toEqual(new Array(8).fill(0));
      expect(zeros([0, 3]).shareBytes().length).toBe(0);
      expect(tensorSharing(new Float32Array(0), [0]).toNumbers()).toEqual([]);
    });
  });

  test("a lent array is given back when the tensor dies, and not before", async () => {
    let array: Float32Array | undefined = new Float32Array(1 << 16).fill(1);
    const watched = new WeakRef(array.buffer);
    const view = scope(() => tensorSharing(array!, [1 << 16]).narrow(0, 5, 2));
    array = undefined;
    expect(await goesAway(watched, 5)).toBe(false);
    expect(view.toNumbers()).toEqual([1, 1]);
    view.free();
    expect(await goesAway(watched)).toBe(true);
  });

  test("only contiguous tensors in main memory can be shared", () => {
    scope(() => {
      expect(() => ones([2, 3]).transpose(0, 1).shareBytes()).toThrow(EngineError);
      expect(() => empty([2], { device: "meta" }).shareBytes()).toThrow(EngineError);
      expect(() => tensorSharing(new Float32Array(3), [2])).toThrow(/needs 8 bytes, the array has 12/);
      expect(() => tensorSharing(new Float32Array(3), [-3])).toThrow(EngineError);
      expect(() => tensorSharing(new Float32Array(3), [2 ** 40, 2 ** 40])).toThrow(EngineError);
    });
  });
});

describe("what goes wrong in libtorch is an error here", () => {
  const add = operator("aten::add", "Tensor");
  const x = ones([2]).keep();

  test("shapes that do not fit", () => {
    expect(() => ones([2]).matmul(ones([3]))).toThrow(EngineError);
    expect(() => ones([2]).matmul(ones([3]))).toThrow(/^aten::matmul: .*size/);
  });

  test.each<[string, () => unknown, RegExp]>([
    ["a missing argument", () => add(x.handle), /argument "other": is missing/],
    ["a text for a tensor", () => add(x.handle, "x"), /argument "other": expected a tensor/],
    ["an object for a tensor", () => add(x.handle, {}), /argument "other": expected a tensor/],
    ["a number that no tensor has", () => add(x.handle, 4e9), /argument "other": .*freed/],
    ["a text for a number", () => add(x.handle, x.handle, "2"), /argument "alpha": expected a number/],
    ["a fraction for an integer", () => ones([2]).unsqueeze(0.5), /argument "dim": expected an integer, got 0.5/],
    ["NaN for an integer", () => ones([2]).unsqueeze(Number.NaN), /expected an integer/],
    ["no list for a list", () => ones([2]).reshape("2" as never), /argument "shape"/],
    ["an unknown device", () => ones([2], { device: "gpu" }), /gpu/],
    ["an operator that is not there", () => operator("aten::no_such", "")(), /no operator aten::no_such/],
    ["a gradient of what needs none", () => ones([1]).backward(), /backward: /],
  ])("%s", (_, body, message) => {
    expect(body).toThrow(EngineError);
    expect(body).toThrow(message);
  });

  test("too little memory is a ResourceError", () => {
    expect(() => full([2 ** 46], 0)).toThrow(ResourceError);
  });

  test("arguments of a call that failed are not held", async () => {
    const live = liveTensors();
    const watched = scope(() => {
      const array = new Float32Array(4);
      expect(() => tensorSharing(array, [4]).matmul(ones([5]))).toThrow(EngineError);
      return new WeakRef(array.buffer);
    });
    expect(liveTensors()).toBe(live);
    expect(await goesAway(watched)).toBe(true);
  });

  test("an argument that calls back into the engine while it is read does not disturb the call", () => {
    const reshape = operator("aten::reshape", "");
    const read = (get: () => number) => Object.defineProperty([0], 0, { get });
    const calling = read(() =>
      scope(
        () =>
          ones([3])
            .add(ones([3]))
            .size(0) - 1,
      ),
    );
    const made = reshape(x.handle, calling) as number;
    expect(native.shape(made)).toEqual([2]);
    native.free(made);
    const throwing = read(() => {
      throw new RangeError("from the getter");
    });
    expect(() => reshape(x.handle, throwing)).toThrow(new RangeError("from the getter"));
    expect(scope(() => x.add(1).toNumbers())).toEqual([2, 2]);
  });
});

describe("numbers", () => {
  test("one without a fraction is an integer, one with is not", () => {
    scope(() => {
      const x = tensor([1, 2], [2], { dtype: "int32" });
      expect([x.add(2).dtype, x.add(2.5).dtype, x.mul(true as never).dtype]).toEqual(["int32", "float32", "int32"]);
      expect(x.add(2).toNumbers()).toEqual([3, 4]);
      expect(x.div(2).toNumbers()).toEqual([0.5, 1]);
      expect(ones([2], { dtype: "float16" }).mul(0.5).dtype).toBe("float16");
      expect(ones([1]).mul(Number.POSITIVE_INFINITY).item()).toBe(Number.POSITIVE_INFINITY);
      expect(ones([1]).mul(Number.NaN).item()).toBeNaN();
      expect(
        ones([1], { dtype: "float64" })
          .mul(2 ** 60)
          .item(),
      ).toBe(2 ** 60);
    });
  });

  test("64-bit integers go both ways without loss", () => {
    scope(() => {
      const big = 2n ** 62n + 1n;
      const x = tensor(BigInt64Array.of(big, -5n));
      expect([...(x.toArray() as BigInt64Array)]).toEqual([big, -5n]);
      expect([...(zeros([2], { dtype: "int64" }).fill_(big).toArray() as BigInt64Array)]).toEqual([big, big]);
    });
  });

  test("one number stands for as many as an operator's fixed-length list needs", () => {
    scope(() => {
      const pooled = F.conv3d(ones([1, 1, 4, 4, 4]), ones([1, 1, 2, 2, 2]), { stride: 2 });
      expect(pooled.shape).toEqual([1, 1, 2, 2, 2]);
    });
  });
});

describe("worker threads", () => {
  const engine = fileURLToPath(new URL("../build/engine.node", import.meta.url));
  const program = `
    const { parentPort, workerData } = require("node:worker_threads");
    const native = require(workerData.engine);
    native.setThreads(1);
    native.setGradMode(false);
    const add = native.operator("aten::add_", "Tensor");
    const matmul = native.operator("aten::matmul", "");
    const lent = new Float32Array(4).fill(1);
    const x = native.fromBytes(lent, [2, 2], 6, true);
    const one = native.fromBytes(new Float32Array(4).fill(1), [2, 2], 6, false);
    for (let i = 0; i < 2000; i++) { add(x, one); native.free(matmul(x, one)); }
    let message = "";
    try { native.shape(99999); } catch (error) { message = error.message; }
    const shared = new Float32Array(native.shareBytes(one));
    // Left alive on purpose: the environment ends with tensors, lent and shared memory in it.
    globalThis.left = [x, one, shared];
    parentPort.postMessage({ values: [...lent], live: native.live(), message });
    if (workerData.hang) for (;;) native.free(matmul(x, one));`;

  const run = (hang: boolean) =>
    new Promise<{ values: number[]; live: number; message: string }>((done, fail) => {
      const worker = new Worker(program, { eval: true, workerData: { engine, hang } });
      worker.on("error", fail);
      worker.once("message", (message) =>
        hang ? void worker.terminate().then(() => done(message)) : worker.once("exit", () => done(message)),
      );
    });

  test("load the engine beside the main thread, each with its own tensors and modes", async () => {
    const live = await liveAfterCollecting();
    const results = await Promise.all([run(false), run(false)]);
    for (const { values, live: theirs, message } of results) {
      expect(values).toEqual([2001, 2001, 2001, 2001]);
      expect(theirs).toBe(2);
      expect(message).toMatch(/freed/);
    }
    expect(liveTensors()).toBe(live);
    const x = ones([1]);
    x.requiresGrad = true;
    x.mul(2).backward(); // the workers switched gradients off for themselves only
    expect(x.grad?.item()).toBe(2);
  });

  test("can be stopped in the middle of their work", async () => {
    await run(true);
    expect(scope(() => ones([2]).add(1).toNumbers())).toEqual([2, 2]);
  });
});
