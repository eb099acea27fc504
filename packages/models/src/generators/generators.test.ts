import { liveTensors, noGrad, randn, scope, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { TorchRefiner } from "../engine/refiner.js";
import { randomImages, smallModel, smallSize } from "../testing/sam2-small.js";
import { promptGeneratorNamed, promptGeneratorNames } from "./named.js";

const [classes, maskSize] = [4, smallSize / 4];

describe.each(promptGeneratorNames)("the generator %s", (name) => {
  test("proposes class logits at the masks' size, slice by slice the same", () => {
    noGrad(() =>
      scope(() => {
        const model = smallModel();
        const generator = promptGeneratorNamed(name, model, classes);
        const images = randomImages(3);
        const all = generator.propose(model.encodeImage(images));
        expect(all.shape).toEqual([3, classes, maskSize, maskSize]);
        for (let n = 0; n < 3; n++) {
          const alone = generator.propose(model.encodeImage(images.narrow(0, n, 1)));
          expect(
            alone
              .sub(all.narrow(0, n, 1))
              .abs()
              .amax()
              .item(),
          ).toBeLessThan(1e-4);
        }
        expect(all.select(0, 0).sub(all.select(0, 1)).abs().amax().item()).toBeGreaterThan(1e-4);
        generator.free();
        model.free();
      }),
    );
  });

  test("has weights of its own, apart from the model's, and every class learns", () => {
    scope(() => {
      const model = smallModel();
      const generator = promptGeneratorNamed(name, model, classes);
      const own = new Set(generator.parameters());
      expect(model.parameters().some((parameter) => own.has(parameter))).toBe(false);
      const logits = generator.propose(model.encodeImage(randomImages(2)));
      const labels = tensor(
        Array.from({ length: 2 * maskSize ** 2 }, (_, i) => i % classes),
        [2, maskSize, maskSize],
        { dtype: "int64" },
      );
      logits.crossEntropyLoss(labels).backward();
      const silent = [...generator.namedParameters()].filter(([, p]) => !((p.grad?.abs().sum().item() ?? 0) > 0));
      expect(silent.map(([part]) => part)).toEqual([]);
      // The image encoder learns to be read by it.
      expect(model.imageEncoder.trunk.patchEmbed.proj.weight.grad!.abs().sum().item()).toBeGreaterThan(0);
      generator.free();
      model.free();
    });
  });

  test("works for a model without features of higher resolution", () => {
    noGrad(() =>
      scope(() => {
        const model = smallModel({ useHighResFeaturesInSam: false });
        const generator = promptGeneratorNamed(name, model, classes);
        expect(generator.propose(model.encodeImage(randomImages(1))).shape).toEqual([1, classes, maskSize, maskSize]);
        generator.free();
        model.free();
      }),
    );
  });

  test("answers behind the segmenter's interface, and leaves nothing behind", async () => {
    const model = smallModel();
    const generator = promptGeneratorNamed(name, model, classes).eval();
    noGrad(() => scope(() => generator.parameters().forEach((p) => void p.add_(randn(p.shape).mul(0.05)))));
    const network = new TorchRefiner(model, "cpu", { generator });
    const slices = Float32Array.from({ length: 3 * smallSize ** 2 }, (_, i) => Math.sin(0.37 * i));
    const [embedding] = await network.embed(slices, 1);
    const wanted = noGrad(() =>
      scope(() => generator.propose(model.encodeImage(tensor(slices, [1, 3, smallSize, smallSize]))).toFloat32Array()),
    );
    const before = liveTensors();
    const proposed = await network.propose!(embedding!);
    expect(liveTensors()).toBe(before);
    expect(proposed).toHaveLength(classes * maskSize ** 2);
    expect(Math.max(...proposed.map((value, i) => Math.abs(value - wanted[i]!)))).toBeLessThan(1e-4);
    network.release(embedding!);
    generator.free();
    model.free();
  });
});

test("a refiner without a generator has no proposals", () => {
  const model = smallModel();
  expect(new TorchRefiner(model).propose).toBeUndefined();
  model.free();
});

test("the background's logit of learned tokens is one number, that of a decoder a map", () => {
  noGrad(() =>
    scope(() => {
      const model = smallModel();
      const embedding = model.encodeImage(randomImages(1));
      const spread = promptGeneratorNames.map((name) => {
        const background = promptGeneratorNamed(name, model, classes).propose(embedding).select(1, 0);
        return background.amax().sub(background.amin()).item();
      });
      expect(spread[promptGeneratorNames.indexOf("learned-tokens")]).toBe(0);
      expect(spread[promptGeneratorNames.indexOf("light-decoder")]).toBeGreaterThan(0);
      model.free();
    }),
  );
});
