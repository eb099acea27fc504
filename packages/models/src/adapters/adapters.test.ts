import { fc, test } from "@fast-check/vitest";
import { CheckpointError } from "@rfmedsam/base";
import { nn, noGrad, onDevice, randn, scope, type Tensor } from "@rfmedsam/torch";
import { describe, expect } from "vitest";
import { MemoryBank } from "../sam2/memory-bank.js";
import { officialSam2Configs } from "../sam2/official-configs.js";
import { Sam2 } from "../sam2/sam2.js";
import { apart, clicks, randomImages, smallModel, squares } from "../testing/sam2-small.js";
import { CnnAdapter } from "./cnn-adapter.js";
import { DWConvAdapter } from "./dwconv-adapter.js";
import { countParameters, insertAdapters, loadWeights } from "./insertion.js";
import { type AdapterPlacement, adapterPlacements, defaultAdapterPlacements, isAdapterName } from "./options.js";

const everywhere = { placements: [...adapterPlacements], ratio: 0.25 };

/** A model with adapters and one without, all other weights equal. */
function twins(placements: readonly AdapterPlacement[] = adapterPlacements): { plain: Sam2; adapted: Sam2 } {
  const plain = smallModel();
  const adapted = smallModel({ adapters: { placements: [...placements], ratio: 0.25 } });
  loadWeights(adapted, plain.stateDict(), { adapters: "may-be-missing" });
  return { plain, adapted };
}

/** A click on one frame, a mask on the next, a third one tracked: every part of the model takes part. */
function track(model: Sam2, images: Tensor, points: ReturnType<typeof clicks>): Tensor[] {
  const bank = new MemoryBank();
  const outputs = [{ points }, { mask: squares(2) }, {}].flatMap((prompts, frame) => {
    const initial = frame < 2;
    const embedding = model.encodeImage(images.narrow(0, frame, 1));
    const step = { frame, embedding, bank, numFrames: 3, initialConditioning: initial, prompts };
    const { lowResMasks, pointer, memory } = model.trackStep(step);
    bank.remember(frame, { features: memory!.alias(), pointer: pointer.alias() }, { conditioning: initial });
    return [lowResMasks, pointer, memory!];
  });
  bank.clear();
  return outputs;
}

describe("untrained adapters", () => {
  test("change nothing anywhere", () => {
    noGrad(() =>
      scope(() => {
        const { plain, adapted } = twins();
        const [images, points] = [randomImages(3), clicks(2)];
        const before = track(plain, images, points);
        const after = track(adapted, images, points);
        expect(before.map((output, index) => apart(output, after[index]!))).toEqual(before.map(() => 0));
        plain.free();
        adapted.free();
      }),
    );
  });

  test.each(adapterPlacements)("at %s change the result once trained, and learn from it", (place) => {
    scope(() => {
      const { plain, adapted } = twins([place]);
      const [images, points] = [randomImages(3), clicks(2)];
      const added = [...adapted.namedParameters()].filter(([name]) => isAdapterName(name));
      expect(added.length).toBeGreaterThan(0);
      for (const [name, parameter] of added) if (name.includes(".up.")) nn.init.normal(0.5)(parameter);
      const before = noGrad(() => track(plain, images, points));
      const after = track(adapted, images, points);
      expect(Math.max(...before.map((output, index) => apart(output, after[index]!)))).toBeGreaterThan(1e-3);

      after
        .map((output) => output.square().sum())
        .reduce((sum, part) => sum.add(part))
        .backward();
      const silent = added.filter(([, parameter]) => !(parameter.grad && parameter.grad.abs().sum().item() > 0));
      expect(silent.map(([name]) => name)).toEqual([]);
      plain.free();
      adapted.free();
    });
  });
});

describe("names and weights", () => {
  test("adapters add names of their own and leave the official ones as they are", () => {
    const [plain, adapted] = onDevice("meta", () => [smallModel(), smallModel({ adapters: everywhere })] as const);
    const [official, all] = [[...plain.stateDict().keys()], [...adapted.stateDict().keys()]];
    expect(all.filter((name) => !isAdapterName(name))).toEqual(official);
    expect(official.filter(isAdapterName)).toEqual([]);
  });

  test("official weights load only when adapters may be missing, and nothing else may", () => {
    scope(() => {
      const plain = smallModel();
      const adapted = smallModel({ adapters: everywhere });
      const state = new Map<string, Tensor>(plain.stateDict());
      expect(() => loadWeights(adapted, state)).toThrow(CheckpointError);
      const kept = loadWeights(adapted, state, { adapters: "may-be-missing" });
      expect(kept.length).toBe(adapted.stateDict().size - state.size);
      expect(kept.every(isAdapterName)).toBe(true);
      state.delete("no_mem_embed");
      expect(() => loadWeights(adapted, state, { adapters: "may-be-missing" })).toThrow(/no_mem_embed/);
      plain.free();
      adapted.free();
    });
  });

  test("the default places stay under 1 % of every official model's parameters at a twentieth of the width", () => {
    for (const config of Object.values(officialSam2Configs)) {
      const model = onDevice("meta", () => new Sam2(config));
      onDevice("meta", () => insertAdapters(model, { placements: [...defaultAdapterPlacements], ratio: 0.05 }));
      const { total, adapters } = countParameters(model);
      expect(adapters / (total - adapters)).toBeLessThan(0.01);
      model.free();
    }
  });
});

const sizes = fc.record({
  batch: fc.integer({ min: 1, max: 2 }),
  height: fc.integer({ min: 1, max: 9 }),
  width: fc.integer({ min: 1, max: 9 }),
  channels: fc.integer({ min: 1, max: 5 }).map((n) => 8 * n),
});

test.prop([sizes], { numRuns: 20 })(
  "an adapter keeps the shape and, untrained, the values",
  ({ batch, height, width, channels }) => {
    noGrad(() =>
      scope(() => {
        const dwconv = new DWConvAdapter(channels);
        const cnn = new CnnAdapter(channels);
        const last = randn([batch, height, width, channels]);
        const first = randn([batch, channels, height, width]);
        const tokens = last.reshape([batch, height * width, channels]);
        expect(apart(dwconv.forward(last), last)).toBe(0);
        expect(apart(dwconv.forwardTokens(tokens, [height, width]), tokens)).toBe(0);
        expect(apart(cnn.forward(first), first)).toBe(0);
        dwconv.free();
        cnn.free();
      }),
    );
  },
);
