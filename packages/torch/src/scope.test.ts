import { fc, test } from "@fast-check/vitest";
import { EngineError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { ones, zeros } from "./factories.js";
import { native } from "./native.js";
import { Module, Parameter } from "./nn/module.js";
import { setNumThreads } from "./runtime.js";
import { liveTensors, scope } from "./scope.js";
import { type Tensor, tensor } from "./tensor.js";
import { collect } from "./testing/collect.js";

setNumThreads(1);

/** How many tensors more there are after `body`. */
function gained(body: () => unknown): number {
  const before = liveTensors();
  body();
  return liveTensors() - before;
}

describe("scope", () => {
  test("frees what was made in it and returns what body returns", () => {
    expect(gained(() => expect(scope(() => ones([2]).add(1).sum().item())).toBe(4))).toBe(0);
  });

  test("lets tensors live that are found in the result, however deep", () => {
    class Answer {
      constructor(readonly mask: Tensor) {}
    }
    let result: unknown;
    const count = gained(() => {
      result = scope(() => {
        ones([1]).add(1);
        const shared = ones([1]);
        const circle: Record<string, unknown> = { a: [ones([1]), shared], m: new Map([["k", { t: ones([1]) }]]) };
        Object.assign(circle, { self: circle, s: new Set([ones([1])]), answer: new Answer(ones([1])), shared });
        return circle;
      });
    });
    expect(count).toBe(5);
    const { a } = result as { a: Tensor[] };
    expect(a.map((t) => t.item())).toEqual([1, 1]);
  });

  test("frees when body throws, and passes the error on", () => {
    const failing = () => {
      ones([3]).add(ones([3]));
      throw new RangeError("mine");
    };
    expect(gained(() => expect(() => scope(failing)).toThrow(new RangeError("mine")))).toBe(0);
    expect(gained(() => expect(() => scope(() => ones([3]).add(ones([4])))).toThrow(EngineError))).toBe(0);
  });

  test("hands results of an inner scope to the outer one", () => {
    const count = gained(() =>
      scope(() => {
        const inner = scope(() => ones([2]).add(1));
        expect(inner.toNumbers()).toEqual([2, 2]);
      }),
    );
    expect(count).toBe(0);
  });

  test("leaves tensors of the scope around it alone", () => {
    scope(() => {
      const outer = ones([2]);
      scope(() => outer.add(1));
      expect(scope(() => outer)).toBe(outer);
      expect(outer.toNumbers()).toEqual([1, 1]);
    });
  });

  test("does not free what is kept, nor parameters", () => {
    let kept: Tensor | undefined;
    class Net extends Module {
      readonly weight = new Parameter(zeros([2]));
    }
    let net: Net | undefined;
    const count = gained(() =>
      scope(() => {
        kept = ones([2]).keep();
        net = new Net();
      }),
    );
    expect(count).toBe(2);
    expect(kept?.toNumbers()).toEqual([1, 1]);
    expect(net?.weight.toNumbers()).toEqual([0, 0]);
    kept?.free();
    net?.free();
  });

  test("refuses async functions, and frees what they made before", async () => {
    const count = gained(() => {
      const asynchronous = async () => {
        const x = ones([2]);
        await null;
        return x.add(1);
      };
      expect(() => scope(asynchronous)).toThrow(EngineError);
    });
    expect(count).toBe(0);
    await new Promise((done) => setImmediate(done)); // an unhandled rejection would fail the run
  });

  test("may free early and twice", () => {
    const count = gained(() =>
      scope(() => {
        const x = ones([2]);
        x.free();
        x.free();
        using y = ones([2]);
        return y.item;
      }),
    );
    expect(count).toBe(0);
  });

  /** A program: makes tensors, opens scopes, returns some of what it made. */
  const programs = fc.letrec<{ tree: readonly unknown[] }>((tie) => ({
    tree: fc.array(
      fc.oneof({ depthSize: "small" }, fc.constant("make"), fc.constant("keep"), fc.constant("throw"), tie("tree")),
      {
        maxLength: 5,
      },
    ),
  })).tree;

  test.prop([programs])("counts come out right whatever is nested", (program) => {
    const before = liveTensors();
    let kept = 0;
    const run = (part: readonly unknown[]): Tensor[] =>
      scope(() => {
        const made: Tensor[] = [];
        for (const step of part) {
          if (step === "make") made.push(zeros([1]));
          else if (step === "keep") {
            zeros([1]).keep();
            kept++;
          } else if (step === "throw") throw new Error("stop");
          else made.push(...run(step as readonly unknown[]));
        }
        return made.filter((_, i) => i % 2 === 0);
      });
    try {
      const returned = run(program);
      expect(liveTensors() - before).toBe(returned.length + kept);
      for (const t of returned) t.free();
    } catch (error) {
      if ((error as Error).message !== "stop") throw error;
    }
    expect(liveTensors() - before).toBe(kept);
  });
});

describe("a freed tensor", () => {
  const freed = scope(() => {
    const x = ones([2]);
    x.free();
    return x;
  });
  test.each<[string, () => unknown]>([
    ["operator", () => freed.add(1)],
    ["in-place operator", () => freed.add_(1)],
    ["as an argument", () => ones([2]).add(freed)],
    ["property", () => freed.dtype],
    ["reading", () => freed.toArray()],
    ["backward", () => freed.backward()],
    ["gradient", () => freed.grad],
    ["sharing", () => freed.shareBytes()],
  ])("gives an EngineError that says so: %s", (_, use) => {
    expect(use).toThrow(EngineError);
    expect(use).toThrow(/freed/);
  });

  test("can still be printed", () => {
    expect(String(freed)).toBe("Tensor(freed)");
  });

  test("does not come back when its number is given to another", () => {
    scope(() => {
      const x = tensor([1, 2, 3]);
      x.free();
      const others = Array.from({ length: 50 }, () => tensor([9]));
      expect(() => x.add(1)).toThrow(EngineError);
      expect(others.every((t) => t.item() === 9)).toBe(true);
    });
  });
});

describe("the garbage collector", () => {
  test("frees tensors that no scope owned, and knows how large they are", async () => {
    const bytes = 1 << 20;
    const before = liveTensors();
    const reportedBefore = native.adjustMemory(0);
    const held = zeros([bytes / 4]);
    for (let i = 0; i < 20; i++) zeros([bytes / 4]);
    expect(liveTensors()).toBe(before + 21);
    expect(native.adjustMemory(0) - reportedBefore).toBeGreaterThan(20 * bytes);
    for (let round = 0; round < 100 && liveTensors() > before + 1; round++) {
      collect();
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(liveTensors()).toBeLessThanOrEqual(before + 1);
    expect(native.adjustMemory(0) - reportedBefore).toBeLessThan(2 * bytes);
    expect(held.sum().item()).toBe(0);
  });

  test("does not free twice what was freed before it came", async () => {
    const freed = Array.from({ length: 50 }, () => zeros([4]));
    for (const x of freed) x.free();
    freed.length = 0;
    const others = Array.from({ length: 50 }, () => ones([4]));
    for (let round = 0; round < 5; round++) {
      collect();
      await new Promise((done) => setTimeout(done, 5));
    }
    expect(others.every((x) => scope(() => x.sum().item()) === 4)).toBe(true);
  });
});
