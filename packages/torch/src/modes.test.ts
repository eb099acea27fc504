/** Mixed precision in training: the copies of weights that autocast keeps are never out of date, and never cut gradients off. */
import { beforeEach, describe, expect, test } from "vitest";
import { randn } from "./factories.js";
import { autocast, enableGrad, noGrad } from "./modes.js";
import * as nn from "./nn/index.js";
import { WeightAverage } from "./optim/ema.js";
import { SGD } from "./optim/sgd.js";
import { cudaDeviceCount, manualSeed, setNumThreads } from "./runtime.js";
import { liveTensors, scope } from "./scope.js";

setNumThreads(1);
beforeEach(() => manualSeed(1));

const devices = cudaDeviceCount() > 0 ? (["cpu", "cuda"] as const) : (["cpu"] as const);

describe.each(devices)("autocast on %s", (device) => {
  const makeLayer = () => new nn.Linear(4, 4).to({ device });
  const input = () => randn([2, 4], { device });
  const inBfloat16 = <T>(body: () => T) => autocast(device, "bfloat16", body);

  test("computes in bfloat16, and gives float32 weights float32 gradients when backward runs outside", () => {
    const layer = makeLayer();
    const out = inBfloat16(() => layer.forward(input()));
    expect(out.dtype).toBe("bfloat16");
    out.float().square().sum().backward();
    expect(layer.weight.grad!.dtype).toBe("float32");
  });

  test("ends also when its function throws", () => {
    const layer = makeLayer();
    const failing = () =>
      inBfloat16(() => {
        layer.forward(input());
        throw new Error("stopped");
      });
    expect(failing).toThrow("stopped");
    expect(layer.forward(input()).dtype).toBe("float32");
    noGrad(() => layer.weight.zero_());
    noGrad(() => layer.bias!.zero_());
    expect(
      inBfloat16(() => layer.forward(input()))
        .abs()
        .sum()
        .item(),
    ).toBe(0);
  });

  test("a weight that was used without recording first learns all the same", () => {
    const layer = makeLayer();
    const out = inBfloat16(() => {
      noGrad(() => layer.forward(input()));
      return layer.forward(input());
    });
    out.float().sum().backward();
    expect(layer.weight.grad).toBeDefined();
  });

  test("also the other way round, and nested", () => {
    const layer = makeLayer();
    const out = noGrad(() =>
      inBfloat16(() => {
        layer.forward(input());
        return enableGrad(() => inBfloat16(() => layer.forward(input())));
      }),
    );
    out.float().sum().backward();
    expect(layer.weight.grad).toBeDefined();
  });

  test("a step of the optimiser inside is seen by the next forward", () => {
    const layer = makeLayer();
    const optimizer = new SGD(layer.parameters(), { learningRate: 0.5 });
    const x = input();
    const [inside, after] = inBfloat16(() => {
      layer.forward(x).float().square().sum().backward();
      optimizer.step();
      return [layer.forward(x).float().toNumbers(), () => layer.forward(x).float().toNumbers()];
    });
    expect(inside).toEqual(inBfloat16(after));
  });

  test("averaged weights put in for a while are seen, and so are the own ones afterwards", () => {
    const layer = makeLayer();
    const average = new WeightAverage(layer, { decay: 0.5 });
    noGrad(() => layer.weight.add_(1));
    const x = input();
    const predict = () => layer.forward(x).float().toNumbers();
    const own = inBfloat16(predict);
    const averaged = average.applied(() => inBfloat16(predict));
    expect(averaged).not.toEqual(own);
    expect(inBfloat16(() => [predict(), average.applied(predict), predict()])).toEqual([own, averaged, own]);
    average.free();
  });

  test("50 steps leave as many tensors as 5", () => {
    const layer = makeLayer();
    const optimizer = new SGD(layer.parameters(), { learningRate: 0.01, momentum: 0.9 });
    const live = Array.from({ length: 50 }, () => {
      scope(() => {
        inBfloat16(() => layer.forward(input()).square().mean()).backward();
        optimizer.step();
        optimizer.zeroGrad();
      });
      return liveTensors();
    });
    expect(live[49]).toBe(live[4]);
  });
});
