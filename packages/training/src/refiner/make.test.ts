/** What the refiner starts from, and what is found before step 0 is trained for hours. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CheckpointError, ConfigError, FileError } from "@rfmedsam/base";
import { collectGarbage } from "@rfmedsam/base/testing";
import { F, liveTensors, noGrad, ones, scope, type Tensor, writeSafetensors, zeros } from "@rfmedsam/torch";
import { torchFileOf } from "@rfmedsam/torch/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyConfiguration } from "../testing/cases.js";
import { checkRefiner, makeRefiner } from "./make.js";
import type { RefinerModel } from "./model.js";

const { refiner } = tinyConfiguration();
const classes = 3;
const data = { classes, channels: ["T1", "T2"] };

let folder: string;
let source: RefinerModel;
const at = (name: string) => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "make-refiner-"));
  source = await makeRefiner({ ...refiner, adapters: null }, classes, 9);
  noGrad(() => source.sam2.noMemEmbed.fill_(0.123));
  const state = source.sam2.stateDict();
  await writeSafetensors(at("plain.safetensors"), state);
  await writeFile(at("plain.pt"), torchFileOf(state));
  const renamed = new Map([...state].map(([name, value], n) => [n === 0 ? "another" : name, value]));
  await writeFile(at("another.pt"), torchFileOf(renamed));
  await writeFile(at("damaged.pt"), torchFileOf(state).subarray(0, 5000));
});
afterAll(async () => {
  source.free();
  await rm(folder, { recursive: true });
});

/** Of a model with adapters: the weights that official files have. */
const same = (model: RefinerModel) => {
  const state = model.sam2.stateDict();
  const equal = ([name, value]: [string, Tensor]) => state.get(name)!.equal(value);
  return [...source.sam2.stateDict()].every(equal) && state.size > source.sam2.stateDict().size;
};

describe("what training starts from", () => {
  test.each(["plain.safetensors", "plain.pt"])("the weights of %s, with new adapters", async (name) => {
    const model = await makeRefiner({ ...refiner, weights: at(name) }, classes, 2);
    expect(same(model)).toBe(true);
    model.free();
  });

  test("random weights of the seed, without a file", async () => {
    const made = await Promise.all([1, 1, 2].map((seed) => makeRefiner(refiner, classes, seed)));
    const [one, again, other] = made.map(({ sam2 }) => sam2.noMemEmbed);
    expect([one!.equal(again!), one!.equal(other!)]).toEqual([true, false]);
    for (const model of made) model.free();
  });

  test("a mask that a person gives prompts as masks do in training", async () => {
    const model = await makeRefiner(refiner, classes, 1);
    const prompts = noGrad(() =>
      scope(() => {
        const given = F.cat([zeros([1, 1, 4, 8]), ones([1, 1, 4, 8])], { dim: 2 });
        return [...model.sam2.maskDownsample!.forward(given).toFloat32Array()];
      }),
    );
    expect(prompts).toEqual([-10, -10, 10, 10]);
    model.free();
  });

  test("no prediction falls back on answers that are never trained", async () => {
    const model = await makeRefiner(refiner, classes, 1);
    expect(model.sam2.config.maskDecoder.dynamicMultimaskViaStability).toBe(false);
    model.free();
  });

  test("weights that do not fit leave nothing behind", async () => {
    await collectGarbage();
    const before = liveTensors();
    for (const name of ["another.pt", "damaged.pt", "none.pt"]) {
      await expect(makeRefiner({ ...refiner, weights: at(name) }, classes, 1)).rejects.toThrow();
    }
    await collectGarbage();
    expect(liveTensors()).toBe(before);
  });
});

describe("before anything is trained", () => {
  test.each(["plain.safetensors", "plain.pt"])("weights that fit pass: %s", async (name) => {
    await checkRefiner({ ...refiner, weights: at(name), groups: [{ pattern: "^sam_mask_decoder", rate: 1 }] }, data);
    await checkRefiner(refiner, data);
  });

  test.each([
    ["another.pt", CheckpointError, /another\.pt.*another/s],
    ["damaged.pt", CheckpointError, /damaged\.pt/],
    ["none.pt", FileError, /none\.pt: does not exist/],
  ] as const)("weights that training could not start from are told: %s", async (name, kind, words) => {
    const check = checkRefiner({ ...refiner, weights: at(name) }, data);
    await expect(check).rejects.toThrow(kind);
    await expect(check).rejects.toThrow(words);
  });

  test("weights of another size are told", async () => {
    const backbone = "sam2.1_hiera_t";
    const check = checkRefiner({ ...refiner, backbone, imageSize: 256, weights: at("plain.pt") }, data);
    await expect(check).rejects.toThrow(CheckpointError);
  });

  test("a channel that the data do not have", async () => {
    await checkRefiner({ ...refiner, channel: 1 }, data);
    const check = checkRefiner({ ...refiner, channel: 2 }, data);
    await expect(check).rejects.toThrow(ConfigError);
    await expect(check).rejects.toThrow(/refiner\.channel: 2.*0 \(T1\), 1 \(T2\)/);
  });

  test("a refiner of which nothing would learn", async () => {
    const official = { ...refiner, weights: at("plain.pt"), groups: [] };
    await checkRefiner(official, data);
    const none = checkRefiner({ ...official, adapters: null, calibration: "none" }, data);
    await expect(none).rejects.toThrow(/nothing of the refiner learns.*refiner\.adapters/s);
  });

  test("random weights that would be frozen", async () => {
    const groups = [{ pattern: "^(sam_mask_decoder|memory_attention)\\.", rate: 1 }];
    await expect(checkRefiner({ ...refiner, groups }, data)).rejects.toThrow(
      /no refiner\.weights, and refiner\.groups that freeze \d+ parameters.*refiner\.weights=FILE/s,
    );
    const none = [{ pattern: "", rate: 0 }];
    await expect(checkRefiner({ ...refiner, groups: none }, data)).rejects.toThrow(/freeze/);
  });
});
