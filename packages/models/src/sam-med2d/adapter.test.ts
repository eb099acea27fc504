import { manualSeed, noGrad, randn, scope, setNumThreads } from "@rfmedsam/torch";
import { expect, test } from "vitest";
import { apart } from "../testing/sam2-small.js";
import { EncoderAdapter } from "./adapter.js";

setNumThreads(1); // test files run side by side

const channels = 32;
/** Exact enough to tell another sum from another order of summing. */
const double = { dtype: "float64" } as const;
const adapter = (): EncoderAdapter => {
  manualSeed(5);
  return new EncoderAdapter(channels, { mlpRatio: 0.25, normEps: 1e-5 }).to(double);
};
// a map of 8 × 8 has 16 positions at half the resolution: two of them are as many as there are channels, three are more
const side = 8;

test("many maps at once, which are convolved, are the maps one by one, which are multiplied", () => {
  noGrad(() =>
    scope(() => {
      const model = adapter();
      const x = randn([5, side, side, channels], double);
      const together = model.forward(x);
      expect(together.shape).toEqual(x.shape);
      for (let map = 0; map < 5; map++) {
        expect(apart(model.forward(x.narrow(0, map, 1)), together.narrow(0, map, 1))).toBeLessThan(1e-12);
      }
      model.free();
    }),
  );
});

test("and so are their gradients", () => {
  scope(() => {
    const [together, alone] = [adapter(), adapter()];
    const x = randn([5, side, side, channels], double);
    together.forward(x).square().sum().backward();
    for (let map = 0; map < 5; map++)
      alone
        .forward(x.narrow(0, map, 1))
        .square()
        .sum()
        .backward();
    const other = alone.namedParameters();
    for (const [name, { grad }] of together.namedParameters()) {
      expect(apart(grad!, other.get(name)!.grad!), name).toBeLessThan(1e-12);
    }
    together.free();
    alone.free();
  });
});

test("the rows and columns of a map need not be as many", () => {
  noGrad(() =>
    scope(() => {
      const model = adapter();
      expect(model.forward(randn([1, 4, 6, channels], double)).shape).toEqual([1, 4, 6, channels]);
      expect(model.forward(randn([9, 4, 6, channels], double)).shape).toEqual([9, 4, 6, channels]);
      model.free();
    }),
  );
});
