/** `imgref/ndimage/morphology`: scipy.ndimage's binary erosion, dilation, opening and closing. */
import { compareNumbers } from "@rfmedsam/base/testing";
import { describe, expect, test } from "vitest";
import { referenceCases } from "../testing/reference.js";
import type { Triple } from "../volume.js";
import { close, dilate, dilateBall, erode, open } from "./morphology.js";

const operations = { erode, dilate, open, close } as const;

describe.each(referenceCases("ndimage", "morphology"))("$name", ({ name, arrays }) => {
  const { input, ball2: _, dilate_ball2, ...results } = arrays();
  const mask = input!.data as Uint8Array;
  const shape = input!.shape as unknown as Triple;
  const same = (actual: Uint8Array, expected: ArrayLike<number | bigint>) =>
    expect(compareNumbers(`imgref/ndimage/${name}`, actual, expected, 0)).toBe(0);

  test.each(Object.entries(results))("%s", (output, { data }) => {
    const [, operation, connectivity, iterations = "1", border] =
      /^([a-z]+)_(6|18|26)(?:_(\d+))?(?:_border(\d))?$/.exec(output) ?? [];
    const run = operations[operation as keyof typeof operations];
    const options = {
      connectivity: Number(connectivity) as 6 | 18 | 26,
      iterations: Number(iterations),
      outside: Number(border ?? 0) as 0 | 1,
    };
    same(run(mask, shape, options), data);
  });

  test("a ball of radius 2", () => {
    same(dilateBall(mask, shape, 2), dilate_ball2!.data);
  });
});
