import { describe, expect, test } from "vitest";
import { noGrad } from "../modes.js";
import { setNumThreads } from "../runtime.js";
import { scope } from "../scope.js";
import { expectClose, fixture, ramp } from "../testing/fixture.js";
import * as nn from "./index.js";
import type { Layer } from "./module.js";

interface Run {
  readonly layer: string;
  readonly arguments: readonly never[];
  readonly input: number[];
  readonly outputShape: number[];
  readonly output: number[];
  readonly inputGradient: number[];
  readonly stateNames: string[];
  readonly gradients: number[][];
}

setNumThreads(1);
const { runs } = fixture<{ runs: Run[] }>("layers");
const layers = nn as unknown as Readonly<Record<string, new (...args: readonly never[]) => Layer>>;

describe("values and gradients are PyTorch's", () => {
  test.each(
    runs.map((run) => [`${run.layer}(${run.arguments.map((a) => JSON.stringify(a)).join(", ")})`, run] as const),
  )("%s", (_, run) => {
    scope(() => {
      const layer = new layers[run.layer]!(...run.arguments);
      expect([...layer.stateDict().keys()]).toEqual(run.stateNames);
      noGrad(() => {
        for (const [i, p] of layer.parameters().entries()) p.copy_(ramp(p.shape, 7 + i, 13, 16));
      });
      const x = ramp(run.input, 5, 17, 8);
      x.requiresGrad = true;
      const y = layer.forward(x);
      expect(y.shape).toEqual(run.outputShape);
      y.backward({ gradient: ramp(y.shape, 3, 11, 4) });
      expectClose(y, run.output, 2e-6);
      expectClose(x.grad!, run.inputGradient, 2e-5);
      for (const [i, p] of layer.parameters().entries()) expectClose(p.grad!, run.gradients[i]!, 2e-5);
    });
  });
});
