import { type PatchNetwork, predictVolume } from "@rfmedsam/segmenter";
import { liveTensors, manualSeed, noGrad, scope, setNumThreads, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { PlainConvUNet } from "../unet/plain-conv-unet.js";
import { TorchPatchNetwork } from "./unet-patches.js";

setNumThreads(1);
manualSeed(2);

const architecture = (dimensions: 2 | 3) => {
  const extents = (of: number) => new Array<number>(dimensions).fill(of);
  return {
    inputChannels: 2,
    classes: 3,
    features: [4, 8],
    kernels: [extents(3), extents(3)],
    strides: [extents(1), extents(2)],
    convsPerStage: 1,
  };
};

describe.each([
  [3, [4, 6, 8]],
  [2, [1, 6, 8]],
] as const)("a U-Net in %i dimensions behind the segmenter's interface", (dimensions, patch) => {
  const unet = new PlainConvUNet(architecture(dimensions)).eval();
  const network = new TorchPatchNetwork(unet, patch);
  const voxels = patch[0] * patch[1] * patch[2];
  const patches = Float32Array.from({ length: 2 * 2 * voxels }, (_, i) => Math.sin(i));

  test("says what it takes and gives", () => {
    expect(network).toMatchObject({ inputChannels: 2, classes: 3, patch });
  });

  test("answers a batch as the network does, one patch after the other", async () => {
    const answer = await network.predict(patches, 2);
    expect(answer).toHaveLength(2 * 3 * voxels);
    const shape = dimensions === 2 ? patch.slice(1) : [...patch];
    const expected = noGrad(() => scope(() => unet.forward(tensor(patches, [2, 2, ...shape])).toFloat32Array()));
    expect(answer).toEqual(expected);
    const second = await network.predict(patches.slice(2 * voxels), 1);
    for (const [i, value] of second.entries()) expect(Math.abs(value - answer[3 * voxels + i]!)).toBeLessThan(1e-4);
  });

  test("mirrored views add up to what the segmenter makes of them one by one, and nothing is left behind", async () => {
    const shape: PatchNetwork["patch"] = dimensions === 2 ? [3, 9, 11] : [5, 9, 11];
    const data = Float32Array.from({ length: 2 * shape[0] * shape[1] * shape[2] }, (_, i) => Math.cos(i));
    const prepared = { data, channels: 2, shape };
    const mirrorAxes = dimensions === 2 ? [1, 2] : [0, 1, 2];
    const { inputChannels, classes } = network;
    const oneByOne: PatchNetwork = { patch, inputChannels, classes, predict: (...given) => network.predict(...given) };
    const before = liveTensors();
    const together = await predictVolume(network, prepared, { mirrorAxes, batch: 2 });
    expect(liveTensors()).toBe(before);
    const apart = await predictVolume(oneByOne, prepared, { mirrorAxes, batch: 2 });
    const plain = await predictVolume(network, prepared, { batch: 2 });
    const difference = (a: Float32Array, b: Float32Array) => Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
    expect(difference(together, apart)).toBeLessThan(1e-5);
    expect(difference(together, plain)).toBeGreaterThan(1e-3);
  });

  test("keeps nothing of what it is given or gives", async () => {
    const given = patches.slice();
    const before = liveTensors();
    const answer = await network.predict(given, 2);
    expect(liveTensors()).toBe(before);
    const copy = answer.slice();
    given.fill(0);
    await network.predict(given, 2);
    expect(answer).toEqual(copy);
  });
});
