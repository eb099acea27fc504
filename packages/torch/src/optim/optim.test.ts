import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError } from "@rfmedsam/base";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readSafetensors, writeSafetensors } from "../checkpoint/safetensors.js";
import { Buffer, Module, Parameter } from "../nn/module.js";
import { setNumThreads } from "../runtime.js";
import { liveTensors, scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";
import { expectClose, fixture, ramp } from "../testing/fixture.js";
import { AdamW } from "./adamw.js";
import { clipGradNorm } from "./clip.js";
import { WeightAverage } from "./ema.js";
import type { Optimizer, ParameterGroup } from "./optimizer.js";
import { SGD } from "./sgd.js";

interface Run {
  readonly optimizer: "SGD" | "AdamW";
  readonly options: object;
  readonly groups?: boolean;
  readonly missing?: readonly (readonly [number, number])[];
  readonly factors?: readonly number[];
  readonly parameters: readonly (readonly number[])[];
}
interface Fixture {
  readonly shapes: readonly (readonly number[])[];
  readonly runs: readonly Run[];
  readonly clips: readonly { readonly maxNorm: number; readonly norm: number; readonly gradients: number[][] }[];
}

setNumThreads(1);
const { shapes, runs, clips } = fixture<Fixture>("optim");
const optimizers = { SGD, AdamW };

const freshParameters = () => shapes.map((shape) => new Parameter(ramp(shape, 3, 7, 4)));
const setGradients = (parameters: readonly Tensor[], step: number, missing: Run["missing"] = []) =>
  scope(() => {
    for (const [index, parameter] of parameters.entries()) {
      const without = missing.some(([s, i]) => s === step && i === index);
      parameter.grad = without ? undefined : ramp(parameter.shape, 5 + step + 2 * index, 11, 8);
    }
  });
const make = (run: Run, parameters: readonly Parameter[]): Optimizer => {
  const [first, second] = parameters;
  const groups: ParameterGroup[] = [
    { parameters: [first!], learningRate: 0.05, weightDecay: 0.3 },
    { parameters: [second!] },
  ];
  return new optimizers[run.optimizer](run.groups ? groups : parameters, run.options);
};
const advance = (run: Run, optimizer: Optimizer, parameters: readonly Parameter[], from: number, to: number) => {
  for (let step = from; step < to; step++) {
    if (run.factors) optimizer.setLearningRate(run.factors[step]!);
    setGradients(parameters, step, run.missing);
    optimizer.step();
  }
};

describe.each(
  runs.map((run) => [`${run.optimizer} ${JSON.stringify(run.options)}${run.groups ? " in groups" : ""}`, run] as const),
)("%s", (_, run) => {
  test("goes where PyTorch's goes", () => {
    const parameters = freshParameters();
    advance(run, make(run, parameters), parameters, 0, 6);
    for (const [i, parameter] of parameters.entries()) expectClose(parameter, run.parameters[i]!, 1e-6);
  });

  test("goes on bit for bit from a saved state", async () => {
    const whole = freshParameters();
    advance(run, make(run, whole), whole, 0, 6);

    const parameters = freshParameters();
    const before = make(run, parameters);
    advance(run, before, parameters, 0, 3);
    const file = join(folder, "state.safetensors");
    await writeSafetensors(file, before.stateDict());
    const after = make(run, parameters);
    after.loadStateDict(await readSafetensors(file), { file });
    expect(after.steps).toBe(3);
    advance(run, after, parameters, 3, 6);
    expect(parameters.map((p) => p.toNumbers())).toEqual(whole.map((p) => p.toNumbers()));
  });

  test("makes no tensors that stay", () => {
    const parameters = freshParameters();
    const optimizer = make(run, parameters);
    advance(run, optimizer, parameters, 0, 2);
    const before = liveTensors();
    advance(run, optimizer, parameters, 2, 5);
    optimizer.zeroGrad();
    expect(liveTensors()).toBe(before);
    expect(parameters.map((parameter) => parameter.grad)).toEqual([undefined, undefined]);
  });
});

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "rfmedsam-optim-"));
});
afterAll(() => rm(folder, { recursive: true }));

test("a learning-rate factor is of the rate each group was made with", () => {
  const [a, b] = freshParameters();
  const optimizer = new SGD([{ parameters: [a!], learningRate: 0.4 }, { parameters: [b!] }], { learningRate: 0.1 });
  optimizer.setLearningRate(0.5);
  optimizer.setLearningRate(0.5);
  expect(optimizer.learningRates).toEqual([0.2, 0.05]);
});

test.each([SGD, AdamW])("%o takes element types and memory layouts as they come", (kind) => {
  const options = { learningRate: 0.1, momentum: 0.9, weightDecay: 0.1 };
  const plain = [new Parameter(ramp([2, 3], 3, 7, 4))];
  const mixed = [
    new Parameter(ramp([2, 3], 3, 7, 4).to({ dtype: "float64" })),
    new Parameter(ramp([2, 3], 3, 7, 4).transpose(0, 1).contiguous().transpose(0, 1)),
  ];
  expect(mixed.map((p) => p.isContiguous)).toEqual([true, false]);
  const optimizers = [new kind(plain, options), new kind(mixed, options)];
  for (let step = 0; step < 3; step++) {
    scope(() => {
      const gradient = ramp([2, 3], 5 + step, 11, 8);
      plain[0]!.grad = gradient;
      mixed[0]!.grad = gradient.to({ dtype: "float64" });
      mixed[1]!.grad = gradient.transpose(0, 1).contiguous().transpose(0, 1);
      for (const optimizer of optimizers) optimizer.step();
    });
  }
  for (const parameter of mixed) expectClose(parameter, plain[0]!.toNumbers(), 1e-6);
  expect(mixed[1]!.isContiguous).toBe(false);
});

test("a state of other parameters is refused and changes nothing", () => {
  const parameters = freshParameters();
  const optimizer = new SGD(parameters, { momentum: 0.9 });
  advance({ optimizer: "SGD", options: {}, parameters: [] }, optimizer, parameters, 0, 2);
  const mine = optimizer.stateDict();
  const values = mine.get("state.1.momentum_buffer")!.toNumbers();
  const refused = (state: Map<string, Tensor>) => expect(() => optimizer.loadStateDict(state)).toThrow(CheckpointError);
  refused(new Map());
  refused(new Map([...mine, ["state.7.momentum_buffer", tensor([1])]]));
  refused(new Map([...mine, ["state.1.exp_avg", tensor([1])]]));
  refused(new Map([...mine, ["state.1.momentum_buffer", tensor([1, 2, 3])]]));
  refused(new Map([...mine, ["parameter_steps", tensor([1, 2, 3], [3], { dtype: "int64" })]]));
  expect(optimizer.stateDict().get("state.1.momentum_buffer")?.toNumbers()).toEqual(values);
  expect(optimizer.steps).toBe(2);
});

test("nonsense is refused when the optimiser is made", () => {
  const parameters = freshParameters();
  const refused = (body: () => unknown) => expect(body).toThrow(ConfigError);
  refused(() => new SGD([]));
  refused(() => new SGD([...parameters, ...parameters]));
  refused(() => new SGD(parameters, { learningRate: -1 }));
  refused(() => new SGD(parameters, { learningRate: Number.NaN }));
  refused(() => new SGD(parameters, { nesterov: true }));
  refused(() => new AdamW(parameters, { betas: [1, 0.9] }));
  refused(() => new AdamW(parameters).setLearningRate(Number.POSITIVE_INFINITY));
});

describe("clipGradNorm", () => {
  test.each(clips)("to $maxNorm as PyTorch", ({ maxNorm, norm, gradients }) => {
    const parameters = freshParameters();
    setGradients(parameters, 0);
    expect(clipGradNorm(parameters, maxNorm)).toBeCloseTo(norm, 5);
    for (const [i, parameter] of parameters.entries()) expectClose(parameter.grad!, gradients[i]!, 1e-6);
  });

  test("leaves gradients alone when their norm is not finite, and says so", () => {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY]) {
      const parameters = freshParameters();
      setGradients(parameters, 0);
      const before = parameters[1]!.grad!.toNumbers();
      parameters[0]!.grad = tensor([1, wrong, 2]);
      expect(clipGradNorm(parameters, 1)).toBe(wrong);
      expect(parameters[1]!.grad!.toNumbers()).toEqual(before);
    }
  });

  test("is 0 without gradients", () => {
    expect(clipGradNorm(freshParameters(), 1)).toBe(0);
  });
});

class Net extends Module {
  readonly weight = new Parameter(ramp([3], 3, 7, 4));
  readonly count = new Buffer(tensor([0], [1], { dtype: "int64" }));
}

describe("WeightAverage", () => {
  test("follows its recurrence, copies buffers, and resumes", () => {
    const net = new Net();
    const average = new WeightAverage(net, { decay: 0.5 });
    const expected = net.weight.toNumbers();
    let copy = average;
    for (let n = 0; n < 8; n++) {
      const keep = Math.min(0.5, (1 + n) / (10 + n));
      scope(() => {
        net.weight.requiresGrad = false;
        net.weight.add_(n + 0.5);
        net.count.add_(1);
      });
      for (const [i, value] of net.weight.toNumbers().entries()) expected[i] = keep * expected[i]! + (1 - keep) * value;
      copy.update();
      const next = new WeightAverage(net, { decay: 0.5 });
      next.loadStateDict(copy.stateDict());
      copy = next;
    }
    expect(copy.updates).toBe(8);
    expectClose(copy.weights().get("weight")!, expected, 1e-6);
    expect(copy.weights().get("count")?.item()).toBe(8);
    expect(() => copy.loadStateDict(new Map())).toThrow(CheckpointError);
  });

  test("lends its weights to the module and gives the module's back, also after an error", () => {
    const net = new Net();
    const average = new WeightAverage(net);
    const before = net.weight.toNumbers();
    net.weight.requiresGrad = false;
    net.weight.add_(1);
    const own = net.weight.toNumbers();
    const live = liveTensors();
    expect(average.applied(() => net.weight.toNumbers())).toEqual(before);
    const failing = () => {
      throw new Error("in between");
    };
    expect(() => average.applied(failing)).toThrow("in between");
    expect(net.weight.toNumbers()).toEqual(own);
    expect(liveTensors()).toBe(live);
  });
});
