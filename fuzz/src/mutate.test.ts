import { fc, test } from "@fast-check/vitest";
import { Random } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { Corpus } from "./corpus.js";
import { mutate, mutations } from "./mutate.js";
import type { Target } from "./target.js";

const files = fc.uint8Array({ minLength: 0, maxLength: 200 });
const ingredients = (seeds: Uint8Array[]) => ({ seeds, tokens: [Uint8Array.of(1, 2, 3)], largest: 300 });

describe.each(Object.entries(mutations))("%s", (_, change) => {
  test.prop([files, files, fc.nat()])(
    "leaves the file it is given alone, and the same stream gives the same bytes",
    (file, other, seed) => {
      const before = file.slice();
      const changed = change(file, new Random(seed), ingredients([other]));
      expect(file).toEqual(before);
      expect(change(file, new Random(seed), ingredients([other]))).toEqual(changed);
    },
  );
});

test.prop([files, fc.nat()])("a changed file is a copy no longer than the limit", (file, seed) => {
  const changed = mutate(file, new Random(seed), ingredients([file]));
  expect(changed.length).toBeLessThanOrEqual(300);
  expect(changed.buffer).not.toBe(file.buffer);
});

test.prop([fc.array(files, { minLength: 1, maxLength: 3 }), fc.nat()])(
  "an input is made again from its iterations, whatever else was kept",
  (seeds, seed) => {
    const target: Target = { name: "any", seeds: () => seeds, tokens: ["token"], parse: () => {} };
    const corpus = new Corpus(target, seeds, seed);
    for (let iteration = 0; iteration < 40; iteration++) {
      const input = corpus.next(iteration);
      expect(new Corpus(target, seeds, seed).replay(input.lineage)).toEqual(input.bytes);
      if (iteration % 3 === 0) corpus.keep(input);
    }
  },
);
