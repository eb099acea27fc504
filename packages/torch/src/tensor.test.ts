import { fc, test } from "@fast-check/vitest";
import { EngineError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { type Dtype, dtypeBytes } from "./dtype.js";
import {
  arange,
  empty,
  eye,
  full,
  linspace,
  onDevice,
  ones,
  rand,
  randint,
  randn,
  randperm,
  zeros,
} from "./factories.js";
import { autocast, enableGrad, gradients, noGrad } from "./modes.js";
import { Linear } from "./nn/linear.js";
import { getNumThreads, manualSeed, randomState, setNumThreads, setRandomState } from "./runtime.js";
import { scope } from "./scope.js";
import { type Tensor, tensor } from "./tensor.js";

setNumThreads(1);
const dtypes = Object.keys(dtypeBytes) as Dtype[];

/** What a value becomes in each element type, by JavaScript's own typed arrays where there is one. */
const stored: Readonly<Record<Dtype, (value: number) => number>> = {
  float32: Math.fround,
  float64: (value) => value,
  float16: (value) => value,
  bfloat16: (value) => value,
  int64: Math.trunc,
  int32: Math.trunc,
  int16: Math.trunc,
  int8: Math.trunc,
  uint8: Math.trunc,
  bool: (value) => Number(value !== 0),
};

describe("element types", () => {
  /** Values that every type but uint8 and bool holds, whole or with a fraction of an eighth. */
  const values = fc.array(
    fc.integer({ min: -800, max: 800 }).map((n) => n / 8),
    { minLength: 1, maxLength: 9 },
  );

  test.prop([fc.constantFrom(...dtypes), values])("numbers go in and come out", (dtype, drawn) => {
    const fits = dtype === "uint8" ? Math.abs : dtype === "bfloat16" ? Math.trunc : Number;
    const numbers = drawn.map((n) => fits(n) + 0); // no −0
    scope(() => {
      const x = tensor(numbers, undefined, { dtype });
      expect([x.dtype, x.shape, x.byteSize]).toEqual([dtype, [numbers.length], numbers.length * dtypeBytes[dtype]]);
      expect(x.toNumbers()).toEqual(numbers.map((n) => stored[dtype](n) + 0));
      expect(x.to({ dtype: "float64" }).to({ dtype }).toNumbers()).toEqual(x.toNumbers());
      expect([...x.toFloat32Array()]).toEqual(x.toNumbers());
      expect(x.narrow(0, numbers.length - 1, 1).item()).toBe(x.toNumbers().at(-1));
    });
  });

  test.each([
    [Float32Array.of(1.5), "float32"],
    [Float64Array.of(1.5), "float64"],
    [BigInt64Array.of(2n ** 60n), "int64"],
    [Int32Array.of(-7), "int32"],
    [Int16Array.of(-7), "int16"],
    [Int8Array.of(-7), "int8"],
    [Uint8Array.of(200), "uint8"],
  ] as const)("a typed array comes back as it went in: %s", (array, dtype) => {
    scope(() => {
      const x = tensor(array);
      expect(x.dtype).toBe(dtype);
      expect(x.toArray()).toEqual(array);
    });
  });

  test("a typed array that no element type fits is refused", () => {
    expect(() => tensor(Uint16Array.of(1) as never)).toThrow(EngineError);
  });

  test("half precision comes out as float32, views as their values", () => {
    scope(() => {
      expect(tensor([1.5, -2], [2], { dtype: "bfloat16" }).toArray()).toEqual(Float32Array.of(1.5, -2));
      expect(tensor([1, 2, 3, 4], [2, 2]).transpose(0, 1).toNumbers()).toEqual([1, 3, 2, 4]);
      expect(tensor(3).shape).toEqual([]);
      expect(tensor([]).shape).toEqual([0]);
    });
  });
});

test("factories make what they are named after", () => {
  scope(() => {
    expect(zeros([2]).toNumbers()).toEqual([0, 0]);
    expect(ones([2], { dtype: "bool" }).toNumbers()).toEqual([1, 1]);
    expect(full([2], 2.5).toNumbers()).toEqual([2.5, 2.5]);
    expect(arange(0, 5, 2).toNumbers()).toEqual([0, 2, 4]);
    expect(linspace(0, 1, 3).toNumbers()).toEqual([0, 0.5, 1]);
    expect(eye(2).toNumbers()).toEqual([1, 0, 0, 1]);
    expect(randperm(20).sort()[0].toNumbers()).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect(
      randint(2, 5, [100])
        .toNumbers()
        .every((n) => [2, 3, 4].includes(n)),
    ).toBe(true);
    expect(
      rand([100])
        .toNumbers()
        .every((n) => n >= 0 && n < 1),
    ).toBe(true);
    expect(onDevice("meta", () => empty([1 << 20, 1 << 20])).byteSize).toBe(0);
  });
});

test("shape, size and printing", () => {
  scope(() => {
    const x = zeros([2, 3, 4]);
    expect([x.ndim, x.numel, x.size(-1), x.size(1), String(x)]).toEqual([
      3,
      24,
      4,
      3,
      "Tensor([2, 3, 4], float32, cpu)",
    ]);
    expect(() => x.size(3)).toThrow(EngineError);
    expect(x.resize_([2, 2]).shape).toEqual([2, 2]);
  });
});

describe("random numbers", () => {
  test("a seed gives the same numbers again, another one others", () => {
    scope(() => {
      const draw = (seed: number) => {
        manualSeed(seed);
        return [randn([5]).toNumbers(), randperm(9).toNumbers()];
      };
      expect(draw(3)).toEqual(draw(3));
      expect(draw(3)).not.toEqual(draw(4));
    });
  });

  test("go on where a saved state left them", () => {
    scope(() => {
      manualSeed(1);
      randn([3]);
      const state = randomState();
      const expected = randn([7]).toNumbers();
      randn([100]);
      setRandomState(state);
      expect(randn([7]).toNumbers()).toEqual(expected);
      expect(() => setRandomState(zeros([3], { dtype: "uint8" }))).toThrow(EngineError);
    });
  });
});

describe("modes", () => {
  const inGrad = (): boolean => {
    const x = ones([1]);
    x.requiresGrad = true;
    return x.mul(2).requiresGrad;
  };

  test("noGrad and enableGrad nest and end, also by an error", () => {
    scope(() => {
      expect(inGrad()).toBe(true);
      expect(noGrad(() => [inGrad(), enableGrad(inGrad), inGrad()])).toEqual([false, true, false]);
      const failing = () => {
        throw new Error("stop");
      };
      expect(() => noGrad(failing)).toThrow("stop");
      expect(inGrad()).toBe(true);
    });
  });

  test("autocast multiplies matrices in bfloat16, and only inside", () => {
    scope(() => {
      const x = ones([2, 2]);
      const net = new Linear(2, 2);
      const types = () => [x.matmul(x).dtype, net.forward(x).dtype, x.add(x).dtype, x.matmul(x).softmax(-1).dtype];
      expect(autocast("cpu", "bfloat16", types).slice(0, 3)).toEqual(["bfloat16", "bfloat16", "float32"]);
      expect(types()).toEqual(["float32", "float32", "float32", "float32"]);
      const half = autocast("cpu", "bfloat16", () => autocast("cpu", "float16", () => x.matmul(x).dtype));
      expect(half).toBe("float16");
      const failing = () => {
        throw new Error("stop");
      };
      expect(() => autocast("cpu", "bfloat16", failing)).toThrow("stop");
      expect(x.matmul(x).dtype).toBe("float32");
      autocast("cpu", "bfloat16", () => net.forward(x))
        .sum()
        .backward();
      expect(net.weight.grad?.dtype).toBe("float32");
      net.free();
    });
  });

  test("the number of threads can be set", () => {
    expect(getNumThreads()).toBe(1);
    expect(() => setNumThreads(0)).toThrow(EngineError);
  });
});

describe("gradients", () => {
  test("add up in grad until they are cleared", () => {
    scope(() => {
      const x = tensor([1, 2]);
      x.requiresGrad = true;
      x.square().sum().backward();
      x.square().sum().backward();
      expect(x.grad?.toNumbers()).toEqual([4, 8]);
      const gradient = () => x.grad?.toNumbers();
      x.grad = undefined;
      expect(gradient()).toBeUndefined();
      x.mul(3).backward({ gradient: tensor([1, 10]) });
      expect(gradient()).toEqual([3, 30]);
      expect([x.isLeaf, x.mul(2).isLeaf]).toEqual([true, false]);
    });
  });

  test("of gradients, and of inputs that do not matter", () => {
    scope(() => {
      const [x, y] = [tensor([2]), tensor([5])] as [Tensor, Tensor];
      x.requiresGrad = true;
      y.requiresGrad = true;
      const [first, none] = gradients([x.pow(3)], [x, y], { createGraph: true });
      expect([first?.item(), none]).toEqual([12, undefined]);
      expect(gradients([first!], [x])[0]?.item()).toBe(12);
      expect(x.grad).toBeUndefined();
    });
  });

  test("are only there once unless the graph is retained", () => {
    scope(() => {
      const x = tensor([2]);
      x.requiresGrad = true;
      const y = x.square();
      y.backward({ retainGraph: true });
      y.backward();
      expect(x.grad?.item()).toBe(8);
      expect(() => y.backward()).toThrow(EngineError);
    });
  });
});
