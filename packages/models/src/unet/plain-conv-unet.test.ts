import { ConfigError } from "@rfmedsam/base";
import {
  F,
  gradients,
  liveTensors,
  manualSeed,
  noGrad,
  randn,
  scope,
  setNumThreads,
  type Tensor,
  zeros,
} from "@rfmedsam/torch";
import { beforeEach, describe, expect, test } from "vitest";
import { dimensionsOf, parseUNetArchitecture, totalStride, type UNetArchitecture } from "./architecture.js";
import { ConvNormActivation, PlainConvUNet } from "./plain-conv-unet.js";

setNumThreads(1);
beforeEach(() => manualSeed(1));

const three: UNetArchitecture = {
  inputChannels: 2,
  classes: 4,
  features: [4, 6, 8],
  kernels: [
    [1, 3, 3],
    [3, 3, 3],
    [3, 3, 3],
  ],
  strides: [
    [1, 1, 1],
    [1, 2, 2],
    [2, 2, 2],
  ],
  convsPerStage: 2,
};
const two: UNetArchitecture = {
  inputChannels: 1,
  classes: 3,
  features: [4, 8],
  kernels: [
    [3, 3],
    [3, 3],
  ],
  strides: [
    [1, 1],
    [2, 2],
  ],
  convsPerStage: 2,
};

/** As nnU-Net's `PlainConvUNet` names them, `all_modules` (the same tensors again) left out. */
function officialNames(stages: number, convs: number): string[] {
  const both = (name: string) => [`${name}.weight`, `${name}.bias`];
  const blocks = (stage: string) =>
    Array.from({ length: convs }, (_, n) =>
      [`${stage}.convs.${n}.conv`, `${stage}.convs.${n}.norm`].flatMap(both),
    ).flat();
  const numbers = (count: number) => Array.from({ length: count }, (_, n) => n);
  return [
    ...numbers(stages).flatMap((n) => blocks(`encoder.stages.${n}.0`)),
    ...numbers(stages - 1).flatMap((n) => both(`decoder.transpconvs.${n}`)),
    ...numbers(stages - 1).flatMap((n) => blocks(`decoder.stages.${n}`)),
    ...numbers(stages - 1).flatMap((n) => both(`decoder.seg_layers.${n}`)),
  ].sort();
}

describe("the names and shapes of the parameters are nnU-Net's", () => {
  test("in three dimensions", () => {
    const network = new PlainConvUNet(three);
    const state = network.stateDict();
    expect([...state.keys()].sort()).toEqual(officialNames(3, 2));
    const shape = (name: string) => state.get(name)!.shape;
    expect(shape("encoder.stages.0.0.convs.0.conv.weight")).toEqual([4, 2, 1, 3, 3]);
    expect(shape("encoder.stages.2.0.convs.1.conv.weight")).toEqual([8, 8, 3, 3, 3]);
    // The decoder counts from the coarsest level.
    expect(shape("decoder.transpconvs.0.weight")).toEqual([8, 6, 2, 2, 2]);
    expect(shape("decoder.transpconvs.1.weight")).toEqual([6, 4, 1, 2, 2]);
    expect(shape("decoder.stages.0.convs.0.conv.weight")).toEqual([6, 12, 3, 3, 3]);
    expect(shape("decoder.seg_layers.0.weight")).toEqual([4, 6, 1, 1, 1]);
    expect(shape("decoder.seg_layers.1.weight")).toEqual([4, 4, 1, 1, 1]);
    network.free();
  });

  test("in two dimensions, with any number of convolutions a stage", () => {
    const network = new PlainConvUNet({ ...two, convsPerStage: 1 });
    expect([...network.stateDict().keys()].sort()).toEqual(officialNames(2, 1));
    expect(network.stateDict().get("decoder.transpconvs.0.weight")!.shape).toEqual([8, 4, 2, 2]);
    network.free();
  });
});

describe("the answer", () => {
  test.each([
    [
      "3D",
      three,
      [2, 2, 4, 8, 12],
      [
        [2, 4, 4, 8, 12],
        [2, 4, 4, 4, 6],
      ],
    ],
    ["2D", two, [3, 1, 10, 6], [[3, 3, 10, 6]]],
    [
      "one stage deeper along some axes only",
      {
        ...three,
        strides: [
          [1, 1, 1],
          [1, 1, 2],
          [3, 2, 1],
        ],
      },
      [1, 2, 3, 2, 4],
      [
        [1, 4, 3, 2, 4],
        [1, 4, 3, 2, 2],
      ],
    ],
  ] as const)("has every resolution for deep supervision, largest first: %s", (_, architecture, input, outputs) => {
    const network = new PlainConvUNet(architecture);
    const x = randn(input);
    const all = network.forwardAll(x);
    expect(all.map((logits) => logits.shape)).toEqual(outputs);
    const single = network.forward(x);
    expect(single.sub(all[0]!).abs().amax().item()).toBe(0);
    network.free();
  });

  test("of one member of a batch does not depend on the others", () => {
    const network = new PlainConvUNet(three);
    const x = randn([2, 2, 4, 8, 8]);
    const apart = F.cat([network.forward(x.narrow(0, 0, 1)), network.forward(x.narrow(0, 1, 1))]);
    expect(network.forward(x).sub(apart).abs().amax().item()).toBeLessThan(1e-5);
    network.free();
  });

  test("is the figure's: two levels, written out with operators", () => {
    const network = new PlainConvUNet({ ...two, convsPerStage: 1 });
    noGrad(() => {
      for (const parameter of network.parameters()) parameter.copy_(randn(parameter.shape).mul(0.5));
    });
    const p = (name: string): Tensor => network.stateDict().get(name)!;
    const block = (x: Tensor, stage: string, stride: number) => {
      const name = `${stage}.convs.0`;
      const y = F.conv2d(x, p(`${name}.conv.weight`), {
        bias: p(`${name}.conv.bias`),
        stride: [stride, stride],
        padding: [1, 1],
      });
      const mean = y.mean([2, 3], { keepdim: true });
      const variance = y.sub(mean).square().mean([2, 3], { keepdim: true });
      const affine = (part: string) => p(`${name}.norm.${part}`).reshape([1, -1, 1, 1]);
      const normed = y.sub(mean).div(variance.add(1e-5).sqrt()).mul(affine("weight")).add(affine("bias"));
      return F.where(normed.gt(0), normed, normed.mul(0.01));
    };
    const x = randn([2, 1, 8, 6]);
    const skip = block(x, "encoder.stages.0.0", 1);
    const bottom = block(skip, "encoder.stages.1.0", 2);
    const up = F.convTranspose2d(bottom, p("decoder.transpconvs.0.weight"), {
      bias: p("decoder.transpconvs.0.bias"),
      stride: [2, 2],
    });
    const joined = block(F.cat([up, skip], { dim: 1 }), "decoder.stages.0", 1);
    const expected = F.conv2d(joined, p("decoder.seg_layers.0.weight"), { bias: p("decoder.seg_layers.0.bias") });
    expect(network.forward(x).sub(expected).abs().amax().item()).toBeLessThan(1e-4);
    network.free();
  });
});

describe("gradients", () => {
  test("reach every parameter through the logits of all resolutions", () => {
    const network = new PlainConvUNet(three);
    const logits = network.forwardAll(randn([1, 2, 4, 8, 8]));
    logits
      .map((level) => level.square().mean())
      .reduce((a, b) => a.add(b))
      .backward();
    for (const [name, parameter] of network.namedParameters()) {
      const gradient = parameter.grad;
      expect(gradient, name).toBeDefined();
      // A bias before an instance norm changes nothing.
      if (!name.endsWith("conv.bias")) expect(gradient!.abs().amax().item(), name).toBeGreaterThan(0);
    }
    network.free();
  });

  test("of the full resolution alone leave the coarser heads out, and nothing else", () => {
    const network = new PlainConvUNet(three);
    network
      .forward(randn([1, 2, 4, 8, 8]))
      .square()
      .mean()
      .backward();
    const without = [...network.namedParameters()].filter(([, parameter]) => parameter.grad === undefined);
    expect(without.map(([name]) => name)).toEqual(["decoder.seg_layers.0.weight", "decoder.seg_layers.0.bias"]);
    network.free();
  });
});

test("starts as nnU-Net does: He's normal for weights, zero biases, neutral norms", () => {
  const network = new PlainConvUNet({ ...three, features: [64, 64, 64] });
  const state = network.stateDict();
  const weight = state.get("encoder.stages.1.0.convs.0.conv.weight")!;
  expect(weight.std().item()).toBeCloseTo(Math.sqrt(2 / (1 + 0.01 ** 2) / (64 * 27)), 3);
  expect(state.get("encoder.stages.1.0.convs.0.conv.bias")!.abs().amax().item()).toBe(0);
  expect(state.get("decoder.transpconvs.0.bias")!.abs().amax().item()).toBe(0);
  expect(state.get("decoder.stages.0.convs.0.norm.weight")!.sub(1).abs().amax().item()).toBe(0);
  network.free();
});

test("a step of inference leaves nothing behind", () => {
  const network = new PlainConvUNet(two);
  const before = liveTensors();
  noGrad(() => scope(() => network.forward(zeros([1, 1, 8, 8])).toFloat32Array()));
  expect(liveTensors()).toBe(before);
  network.free();
  expect(liveTensors()).toBeLessThan(before);
});

test("a network of one stage is refused: nothing would answer", () => {
  expect(() => new PlainConvUNet({ ...two, features: [4], kernels: [[3, 3]], strides: [[1, 1]] })).toThrow(ConfigError);
});

test.each([
  ["2D", [3, 2, 10, 6], [3, 3], [2, 1]],
  ["2D, one image", [1, 2, 7, 6], [3, 3], [1, 1]],
  ["3D", [2, 2, 5, 8, 12], [1, 3, 3], [1, 2, 2]],
  ["3D, one image", [1, 2, 4, 6, 6], [3, 3, 3], [1, 1, 1]],
])(
  "a block on the processor is convolution, libtorch's instance norm and leaky ReLU, gradients too: %s",
  (...given) => {
    const [, shape, kernel, stride] = given;
    const block = new ConvNormActivation(2, 5, kernel, stride);
    const { conv, norm } = block;
    noGrad(() => {
      for (const parameter of norm.parameters()) parameter.copy_(randn([5]));
    });
    const plain = (x: Tensor) =>
      F.instanceNorm(conv.forward(x), norm.weight, norm.bias, null, null, true, 0.1, 1e-5, true).leakyRelu({
        negativeSlope: 0.01,
      });
    const input = randn(shape).mul(3).add(1);
    const results = [(x: Tensor) => block.forward(x), plain].map((forward) => {
      const x = input.clone();
      x.requiresGrad = true;
      const out = forward(x);
      return [out, ...gradients([out.square().sum()], [x, ...block.parameters()])].map((value) => value!.toNumbers());
    });
    const [ours, theirs] = results as [number[][], number[][]];
    // The gradient of a bias before a norm is zero but for rounding; the others set the scale.
    const scale = Math.max(1, ...theirs.slice(1).flat().map(Math.abs));
    for (const [i, values] of ours.entries()) {
      const worst = Math.max(...values.map((value, at) => Math.abs(value - theirs[i]![at]!)));
      expect(worst).toBeLessThan(i === 0 ? 1e-5 : 1e-5 * scale);
    }
    block.free();
  },
);

describe("an architecture as data", () => {
  test("knows its dimensions and by what extents must be divisible", () => {
    expect([dimensionsOf(two), dimensionsOf(three)]).toEqual([2, 3]);
    expect([totalStride(two), totalStride(three)]).toEqual([
      [2, 2],
      [2, 4, 4],
    ]);
  });

  test("comes back from JSON as it was, without what does not belong to it", () => {
    const record = JSON.parse(JSON.stringify({ ...three, comment: "x" }));
    expect(parseUNetArchitecture(record, "model.json")).toEqual(three);
  });

  test.each([
    ["no features", { ...three, features: [] }],
    ["features that are no list", { ...three, features: 4 }],
    ["fewer strides than features", { ...three, strides: three.strides.slice(1) }],
    [
      "a stride of nothing",
      {
        ...three,
        strides: [
          [1, 1, 1],
          [0, 2, 2],
          [2, 2, 2],
        ],
      },
    ],
    ["one stage, which has no way up", { ...two, features: [4], kernels: [[3, 3]], strides: [[1, 1]] }],
    ["half a class", { ...three, classes: 2.5 }],
    [
      "two and three dimensions",
      {
        ...three,
        kernels: [
          [3, 3],
          [3, 3, 3],
          [3, 3, 3],
        ],
      },
    ],
    ["nothing", {}],
  ])("with %s is refused with its file", (_, record) => {
    const parse = () => parseUNetArchitecture(record as Record<string, unknown>, "folder/model.json");
    expect(parse).toThrow(ConfigError);
    expect(parse).toThrow(/folder\/model\.json/);
  });
});
