/** That a checkpointed part gives the very numbers of one that is not, and takes less memory. */
import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { EngineError } from "@rfmedsam/base";
import { beforeEach, describe, expect, test } from "vitest";
import { randint, randn } from "./factories.js";
import * as F from "./functional.js";
import { checkpointed } from "./gradient-checkpointing.js";
import { autocast, gradients, noGrad } from "./modes.js";
import * as nn from "./nn/index.js";
import { Layer, type Module, Parameter } from "./nn/module.js";
import { SGD } from "./optim/sgd.js";
import { manualSeed, setNumThreads } from "./runtime.js";
import { liveTensors, scope } from "./scope.js";
import { type Tensor, tensor } from "./tensor.js";

setNumThreads(1);
beforeEach(() => manualSeed(3));

type Wrapper = <I extends readonly Tensor[], R extends Tensor | readonly Tensor[]>(
  body: (...inputs: I) => R,
  ...inputs: I
) => R;
const plain: Wrapper = (body, ...inputs) => body(...inputs);

/** A block with what is delicate: a residual path, random numbers, a tensor used three times, the same layer twice. */
class Block extends Layer {
  readonly norm = new nn.LayerNorm(8);
  readonly query = new nn.Linear(8, 8);
  readonly key = new nn.Linear(8, 8);
  readonly mlp = new nn.Linear(8, 8);

  forward(x: Tensor): Tensor {
    const y = this.norm.forward(x);
    const weights = this.query.forward(y).matmul(this.key.forward(y).transpose(-1, -2)).softmax(-1);
    const mixed = F.dropout(weights.matmul(y), 0.3, true);
    return x.add(this.mlp.forward(this.mlp.forward(mixed).gelu()));
  }
}

/** Everything a training step leaves: loss, gradients (also of the input), and the random numbers after it. */
function outcome(blocks: readonly Module[], step: () => { loss: Tensor; input?: Tensor }): unknown {
  return scope(() => {
    manualSeed(11);
    for (const block of blocks) for (const parameter of block.parameters()) parameter.grad = undefined;
    const { loss, input } = step();
    loss.backward();
    return {
      loss: loss.item(),
      input: input?.grad?.toNumbers(),
      gradients: blocks.flatMap((block) => block.parameters().map((parameter) => parameter.grad?.toNumbers())),
      random: randn([2]).toNumbers(),
    };
  });
}

function chain(blocks: readonly Block[], wrapper: Wrapper, leaf = true): { loss: Tensor; input: Tensor } {
  const input = randn([2, 5, 8]);
  input.requiresGrad = true;
  let x = leaf ? input : input.mul(2);
  for (const block of blocks) x = scope(() => wrapper((given: Tensor) => scope(() => block.forward(given)), x));
  return { loss: x.square().mean(), input };
}

describe("a checkpointed part has the numbers of one that is not, bit for bit", () => {
  test.each([
    ["in float32", <T>(run: () => T) => run()],
    ["in bfloat16", <T>(run: () => T) => autocast("cpu", "bfloat16", run)],
    ["inside two autocasts", <T>(run: () => T) => autocast("cpu", "float16", () => autocast("cpu", "bfloat16", run))],
  ])("%s", (_, precision) => {
    const blocks = [new Block(), new Block(), new Block()];
    for (const leaf of [true, false]) {
      const expected = outcome(blocks, () => precision(() => chain(blocks, plain, leaf)));
      expect(outcome(blocks, () => precision(() => chain(blocks, checkpointed, leaf)))).toEqual(expected);
    }
  });

  test("with several inputs and outputs, of which some do not learn and one is not used", () => {
    const layer = new nn.Linear(4, 4);
    const run = (wrapper: Wrapper) => () => {
      const input = randn([3, 4]);
      input.requiresGrad = true;
      const index = randint(0, 3, [2]);
      const [a, b, rounded, unused] = wrapper(
        (x: Tensor, y: Tensor, i: Tensor) => {
          const z = layer.forward(x).mul(y).indexSelect(0, i);
          return [z.sin(), z.add(x.sum()), z.argmax({ dim: -1 }), z.exp()];
        },
        input,
        randn([3, 4]),
        index,
      );
      expect([a, b, rounded, unused].map((t) => t!.requiresGrad)).toEqual([true, true, false, true]);
      return { loss: a!.mul(b!).sum().add(rounded!.sum()), input };
    };
    expect(outcome([layer], run(checkpointed))).toEqual(outcome([layer], run(plain)));
  });

  test("with inputs that learn nothing, as a network's first block has", () => {
    const block = new Block();
    const run = (wrapper: Wrapper) => () => ({ loss: wrapper((x) => block.forward(x), randn([1, 5, 8])).sum() });
    const expected = outcome([block], run(plain));
    expect(outcome([block], run(checkpointed))).toEqual(expected);
  });

  test("inside another checkpointed part", () => {
    const blocks = [new Block(), new Block()];
    const nested: Wrapper = (body, ...inputs) => checkpointed((...outer) => checkpointed(body, ...outer), ...inputs);
    expect(outcome(blocks, () => chain(blocks, nested))).toEqual(outcome(blocks, () => chain(blocks, plain)));
    const around = (inner: Wrapper) => () => {
      const input = randn([1, 5, 8]);
      input.requiresGrad = true;
      const through = (x: Tensor) => blocks.reduce((y, block) => inner((z) => block.forward(z), y), x);
      return { loss: checkpointed(through, input).sum(), input };
    };
    expect(outcome(blocks, around(checkpointed))).toEqual(outcome(blocks, around(plain)));
  });

  test("when a part runs several times, its outputs go several ways, and gradients were there before", () => {
    const layer = new nn.Linear(8, 8);
    const body = (x: Tensor) => F.dropout(layer.forward(x).gelu(), 0.3, true);
    const run = (wrapper: Wrapper) => () => {
      layer.weight.grad = randn([8, 8]);
      const input = randn([5, 8]);
      input.requiresGrad = true;
      const first = wrapper(body, input);
      const second = wrapper(body, first.mul(0.5).add(input));
      const third = wrapper(body, second);
      return { loss: third.add(first).mul(second).sum(), input };
    };
    expect(outcome([layer], run(checkpointed))).toEqual(outcome([layer], run(plain)));
  });

  test("when the part hands an input through", () => {
    const run = (wrapper: Wrapper) => () => {
      const input = randn([3]);
      input.requiresGrad = true;
      const [same, double] = wrapper((x: Tensor) => [x, x.mul(2)], input.mul(1));
      return { loss: same!.mul(double!).sum(), input };
    };
    expect(outcome([], run(checkpointed))).toEqual(outcome([], run(plain)));
  });

  test("with gradients() too, of inputs and of parameters, without touching any grad", () => {
    const blocks = [new Block(), new Block()];
    const run = (wrapper: Wrapper) => {
      manualSeed(5);
      const { loss, input } = chain(blocks, wrapper, false);
      const targets = [input, ...blocks.flatMap((block) => block.parameters())];
      const found = gradients([loss], targets).map((gradient) => gradient?.toNumbers());
      expect(targets.map(({ grad }) => grad)).toEqual(targets.map(() => undefined));
      return found;
    };
    expect(run(checkpointed)).toEqual(run(plain));
  });

  test("twice, when the graph is retained", () => {
    const block = new Block();
    const input = randn([1, 5, 8]);
    const loss = checkpointed((x) => block.forward(x), input).sum();
    loss.backward({ retainGraph: true });
    const once = block.mlp.weight.grad!.toNumbers();
    loss.backward();
    expect(block.mlp.weight.grad!.toNumbers()).toEqual(once.map((value) => 2 * value));
    expect(() => loss.backward()).toThrow(/second time/);
  });
});

test("where sums are made in another order, the numbers are equal to rounding", () => {
  const block = new Block();
  const widened = block.parameters().map((parameter) => parameter.to({ dtype: "float64" }).detach());
  for (const [i, parameter] of block.parameters().entries()) parameter.replaceData(widened[i]!);
  const run = (wrapper: Wrapper) => {
    manualSeed(11);
    for (const parameter of block.parameters()) parameter.grad = undefined;
    const input = randn([1, 5, 8], { dtype: "float64" });
    const first = wrapper((x) => block.forward(x), input);
    const mixed = first.mul(0.5).add(input);
    const second = wrapper((x) => block.forward(x), mixed);
    second.add(mixed).mul(first).sum().backward();
    return block.parameters().flatMap((parameter) => parameter.grad!.toNumbers());
  };
  const [found, expected] = [run(checkpointed), run(plain)];
  for (const [i, value] of found.entries()) expect(value).toBeCloseTo(expected[i]!, 12);
});

describe("a checkpointed part", () => {
  test("with nothing to learn is not run again", () => {
    let runs = 0;
    const weight = randn([3]);
    const out = checkpointed(
      (x) => {
        runs++;
        return x.mul(weight);
      },
      randn([3]),
    );
    expect(out.requiresGrad).toBe(false);
    expect(runs).toBe(1);
  });

  test("under noGrad is the body and nothing else", () => {
    const block = new Block();
    const out = noGrad(() => checkpointed((x) => block.forward(x), randn([1, 5, 8])));
    expect(out.requiresGrad).toBe(false);
  });

  test("runs under noGrad of a backward pass with the modes of the first time", () => {
    const layer = new nn.Linear(3, 3);
    const dtypes: string[] = [];
    const body = (x: Tensor) => {
      const y = layer.forward(x);
      dtypes.push(y.dtype);
      return y;
    };
    const inside = autocast("cpu", "bfloat16", () => checkpointed(body, randn([2, 3])));
    const outside = checkpointed(body, randn([2, 3]));
    autocast("cpu", "float16", () => noGrad(() => inside.float().add(outside).requiresGrad)); // a mode between
    inside.float().sum().backward();
    autocast("cpu", "bfloat16", () => outside.sum().backward());
    expect(dtypes).toEqual(["bfloat16", "float32", "bfloat16", "float32"]);
  });

  test("leaves no tensors behind over 50 steps, also when a step fails", () => {
    const block = new Block();
    const optimizer = new SGD(block.parameters(), { learningRate: 0.01 });
    let failing = false;
    const body = (x: Tensor) => {
      if (failing) throw new Error("the second time");
      return block.forward(x);
    };
    const step = (fails: boolean) =>
      scope(() => {
        failing = false;
        const out = autocast("cpu", "bfloat16", () =>
          checkpointed(body, randn([2, 5, 8]))
            .square()
            .sum(),
        );
        failing = fails;
        if (fails) expect(() => out.backward()).toThrow("the second time");
        else out.backward();
        optimizer.step();
        optimizer.zeroGrad();
      });
    const live = Array.from({ length: 50 }, (_, i) => {
      step(i % 2 === 1);
      return liveTensors();
    });
    expect(live[49]).toBe(live[4]);
  });

  test("of which the way back never comes leaves nothing either", () => {
    const block = new Block();
    const run = () =>
      scope(() =>
        checkpointed((x) => block.forward(x), randn([1, 5, 8]))
          .sum()
          .item(),
      );
    run();
    const before = liveTensors();
    for (let i = 0; i < 20; i++) run();
    expect(liveTensors()).toBe(before);
  });

  test("passes what was thrown on as it was, whatever it is, and the engine works on", () => {
    const thrown = [new TypeError("odd"), "a text"];
    for (const value of thrown) {
      let runs = 0;
      const out = checkpointed(
        (x) => {
          runs++;
          if (runs > 1) throw value;
          return x.mul(2);
        },
        new Parameter(randn([2])),
      );
      let caught: unknown;
      try {
        out.sum().backward();
      } catch (error) {
        caught = error;
      }
      expect(caught).toBe(value);
    }
    const after = new Parameter(tensor([1, 2]));
    checkpointed((x) => x.square(), after)
      .sum()
      .backward();
    expect(after.grad!.toNumbers()).toEqual([2, 4]);
    expect(() => randn([2]).add(randn([3]))).toThrow(EngineError);
  });
});

describe("what a part must not do is told", () => {
  test("using a tensor with a history that is no input", () => {
    const weight = new Parameter(randn([3]));
    const other = weight.mul(2);
    const run = () => checkpointed((x) => x.mul(other), randn([3]));
    expect(run).toThrow(EngineError);
    expect(run).toThrow(/a tensor with a history \(MulBackward0\) that is not among its inputs/);
  });

  test("using a tensor that is freed before the way back", () => {
    const weight = new Parameter(randn([3]));
    const out = scope(() => {
      const mask = randn([3]);
      return checkpointed((x) => x.mul(mask), weight);
    });
    const run = () => out.sum().backward();
    expect(run).toThrow(EngineError);
    expect(run).toThrow(/used after it was freed/);
    expect(run).toThrow(/every tensor that its function uses/);
  });

  test.each([
    ["an input", (input: Tensor, _: Tensor) => input],
    ["a parameter", (_: Tensor, weight: Tensor) => weight],
  ])("changing %s before the way back", (_, pick) => {
    const weight = new Parameter(randn([3]));
    const input = randn([3]);
    const out = checkpointed((x) => x.mul(weight), input);
    noGrad(() => pick(input, weight).mul_(2));
    expect(() => out.sum().backward()).toThrow(/modified by an inplace operation/);
  });

  test("a gradient's own gradient", () => {
    const weight = new Parameter(randn([3]));
    const out = checkpointed((x) => x.square(), weight);
    expect(() => gradients([out.sum()], [weight], { createGraph: true })).toThrow(/createGraph/);
  });

  test("returning something else than tensors", () => {
    const run = () => checkpointed((_: Tensor) => 3 as unknown as Tensor, randn([1]));
    expect(run).toThrow(/returned something else than tensors/);
  });
});

describe("memory", () => {
  const testing = (name: string) => fileURLToPath(new URL(`./testing/${name}`, import.meta.url));
  const lengths = [4, 12] as const;
  type Measured = readonly { readonly peak: number; readonly gradient: readonly number[] }[];

  function measure(): [Measured, Measured] {
    const script = [testing("peak-of-training.ts"), ...lengths.map(String)];
    const node = ["--conditions=source", "--import", testing("typescript-hooks.mjs"), ...script];
    const env = { ...process.env, MALLOC_MMAP_THRESHOLD_: "100000" }; // freed memory goes back at once
    return JSON.parse(execFileSync(process.execPath, node, { encoding: "utf8", env })) as [Measured, Measured];
  }

  test("grows with a chain by an activation a part, instead of by all that a part has in it", () => {
    const [whole, parts] = measure();
    const each = ([short, long]: Measured) => (long!.peak - short!.peak) / (lengths[1] - lengths[0]);
    expect(parts.map(({ gradient }) => gradient)).toEqual(whole.map(({ gradient }) => gradient));
    expect(each(whole)).toBeGreaterThan(3.9); // the inputs of GELU, second layer and sine, and the hyperbolic tangent
    expect(each(parts)).toBeGreaterThan(0.9);
    expect(each(parts)).toBeLessThan(1.1);
    expect(parts[1]!.peak).toBeLessThan(0.5 * whole[1]!.peak);
  }, 120_000);
});
