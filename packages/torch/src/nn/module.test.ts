import { CheckpointError } from "@rfmedsam/base";
import { describe, expect, test } from "vitest";
import { onDevice, zeros } from "../factories.js";
import { setNumThreads } from "../runtime.js";
import { liveTensors, scope } from "../scope.js";
import { type Tensor, tensor } from "../tensor.js";
import { Conv2d } from "./conv.js";
import { Dropout, Linear } from "./linear.js";
import { Buffer, Layer, Module, ModuleList, Parameter, Sequential } from "./module.js";

setNumThreads(1);

class Block extends Layer {
  protected override readonly stateNames = { attention: "attn", tableOfBiases: "extra.table" };
  readonly attention = new Linear(2, 2);
  readonly tableOfBiases = new Buffer(tensor([1, 2], [2], { dtype: "int64" }));
  readonly noBias = new Linear(2, 1, { bias: false });
  readonly drop = new Dropout(0.5);
  cache: Tensor = zeros([3]);

  forward(x: Tensor): Tensor {
    return this.drop.forward(this.attention.forward(x));
  }
}

class Net extends Module {
  readonly patchEmbed = new Conv2d(1, 2, { kernel: 1 });
  readonly blocks = new ModuleList([new Block(), new Block()]);
  readonly headMlp = new Sequential(new Linear(2, 3), new Dropout(0.1), new Linear(3, 1));
  readonly levelScale = new Parameter(zeros([1]));
}

const names = [
  "patch_embed.weight",
  "patch_embed.bias",
  ...[0, 1].flatMap((i) =>
    ["attn.weight", "attn.bias", "extra.table", "no_bias.weight"].map((n) => `blocks.${i}.${n}`),
  ),
  ...["0.weight", "0.bias", "2.weight", "2.bias"].map((n) => `head_mlp.${n}`),
  "level_scale",
];

describe("names", () => {
  test("are the fields' in snake case, in the order of declaration, exceptions as stated, caches left out", () => {
    const net = new Net();
    expect([...net.stateDict().keys()]).toEqual(names);
    expect([...net.namedParameters().keys()]).toEqual(names.filter((name) => !name.includes("table")));
    expect(net.parameterCount()).toBe(4 + 2 * (6 + 2) + 9 + 4 + 1);
  });

  test("a parameter shared by two parts is saved twice and trained once", () => {
    class Tied extends Module {
      readonly a = new Linear(2, 2, { bias: false });
      readonly b = Object.assign(new Linear(2, 2, { bias: false }), { weight: this.a.weight });
    }
    const net = new Tied();
    expect([...net.stateDict().keys()]).toEqual(["a.weight", "b.weight"]);
    expect(net.parameters()).toEqual([net.a.weight]);
  });
});

describe("loadStateDict", () => {
  const saved = () => new Map([...new Net().stateDict()].map(([name, value]) => [name, value as Tensor]));

  test("copies the values", () => {
    const [from, to] = [new Net(), new Net()];
    to.loadStateDict(from.stateDict());
    for (const [name, value] of to.stateDict())
      expect(value.toNumbers()).toEqual(from.stateDict().get(name)?.toNumbers());
    expect(to.patchEmbed.weight.requiresGrad).toBe(true);
    to.free();
    expect(from.levelScale.item()).toBe(0);
  });

  test("takes tensors over instead, for a module that was built without memory", () => {
    const values = [...new Net().stateDict()].map(([name, value]) => [name, value.clone()] as const);
    const expected = values.map(([name, value]) => [name, value.toNumbers()]);
    const state = new Map<string, Tensor>(values);
    state.set("level_scale", tensor([3], [1], { dtype: "float64" }));
    const memory = state.get("patch_embed.weight")!.shareBytes();
    const net = onDevice("meta", () => new Net());
    net.loadStateDict(state, { assign: true });
    expect(net.levelScale.item()).toBe(3);
    expect(net.levelScale.dtype).toBe("float32");
    const loaded = [...net.stateDict()].map(([name, value]) => [name, value.toNumbers()]);
    expect(loaded.slice(0, -1)).toEqual(expected.slice(0, -1));
    expect(net.patchEmbed.weight.requiresGrad && net.patchEmbed.weight.isLeaf).toBe(true);
    expect(net.blocks.at(0).tableOfBiases.requiresGrad).toBe(false);
    // The very same memory, and nothing is left to free for whoever read the state.
    net.patchEmbed.weight.shareBytes()[0]! ^= 1;
    expect(memory[0]).toBe(net.patchEmbed.weight.shareBytes()[0]);
    const live = liveTensors();
    for (const value of state.values()) value.free();
    expect(liveTensors()).toBe(live);
    net.free();
    expect(liveTensors()).toBe(live - names.length);
  });

  test("lists what is missing, unexpected and reshaped, and then changes nothing", () => {
    const net = new Net();
    const before = net.patchEmbed.weight.toNumbers();
    const state = saved();
    state.delete("level_scale");
    state.set("other.weight", zeros([1]));
    state.set("head_mlp.0.bias", zeros([4]));
    const load = () => net.loadStateDict(state, { file: "model.safetensors" });
    expect(load).toThrow(CheckpointError);
    expect(load).toThrow(
      /^model.safetensors: .*missing: level_scale; unexpected: other.weight; .*head_mlp.0.bias is \[4\].*\[3\]/,
    );
    expect(net.patchEmbed.weight.toNumbers()).toEqual(before);
  });

  test("counts the rest of a long list", () => {
    expect(() => new Net().loadStateDict(new Map())).toThrow(/level_scale|… 10 more/);
  });

  test("lets names be missing or in excess where the caller says so", () => {
    const net = new Net();
    const state = saved();
    state.delete("level_scale");
    state.set("other.weight", zeros([1]));
    net.loadStateDict(state, {
      mayMiss: (name) => name === "level_scale",
      mayExceed: (name) => name.startsWith("other"),
    });
    expect(net.patchEmbed.weight.toNumbers()).toEqual(state.get("patch_embed.weight")?.toNumbers());
  });
});

test("train and eval reach every part", () => {
  const net = new Net();
  const modes = () => new Set([...net.modules()].map((module) => module.training));
  expect([...net.modules()].length).toBe(1 + 1 + 1 + 2 * 4 + 1 + 3);
  expect(modes()).toEqual(new Set([true]));
  expect(net.eval()).toBe(net);
  expect(modes()).toEqual(new Set([false]));
  expect(modes().has(net.train().training)).toBe(false);
  scope(() => {
    const x = tensor([1, 2], [1, 2]);
    const drop = new Dropout(0.99).eval();
    expect(drop.forward(x)).toBe(x);
  });
});

test("to() changes floating tensors in place, with gradients, and leaves integers and identities", () => {
  const net = new Net();
  const { weight } = net.patchEmbed;
  const values = weight.toNumbers();
  scope(() =>
    net.patchEmbed
      .forward(tensor([1, 2, 3, 4], [1, 1, 2, 2]))
      .sum()
      .backward(),
  );
  const live = liveTensors();
  expect(net.to({ dtype: "float64" })).toBe(net);
  expect(liveTensors()).toBe(live);
  expect(net.patchEmbed.weight).toBe(weight);
  expect([weight.dtype, weight.grad?.dtype, weight.requiresGrad, weight.isLeaf]).toEqual([
    "float64",
    "float64",
    true,
    true,
  ]);
  expect(weight.toNumbers()).toEqual(values);
  expect(net.blocks.at(0).tableOfBiases.dtype).toBe("int64");
  scope(() =>
    net.patchEmbed
      .forward(zeros([1, 1, 2, 2], { dtype: "float64" }))
      .sum()
      .backward(),
  );
  expect(net.patchEmbed.bias?.grad?.toNumbers()).toEqual([8, 8]);
});

test("networks are built on meta without memory, then filled", () => {
  const net = onDevice("meta", () => new Linear(1 << 16, 1 << 16));
  expect([net.weight.device, net.weight.byteSize]).toEqual(["meta", 0]);
});

test("requireGrad and zeroGrad reach every parameter, free frees them", () => {
  const before = liveTensors();
  const net = new Linear(2, 1);
  scope(() =>
    net
      .forward(zeros([1, 2]))
      .sum()
      .backward(),
  );
  expect(scope(() => net.weight.grad?.toNumbers())).toEqual([0, 0]);
  net.zeroGrad();
  expect(net.parameters().map((p) => p.grad)).toEqual([undefined, undefined]);
  expect(
    net
      .requireGrad(false)
      .parameters()
      .map((p) => p.requiresGrad),
  ).toEqual([false, false]);
  net.free();
  expect(liveTensors()).toBe(before);
});

test("a list of parts knows its length, order and limits", () => {
  const parts = [new Dropout(0.1), new Dropout(0.2)];
  const list = new ModuleList(parts);
  expect([list.length, [...list], list.at(-1)]).toEqual([2, parts, parts[1]]);
  expect(() => list.at(2)).toThrow(RangeError);
});
