import { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import { boxToInput, extractSlice, renderSlice, sliceFrame } from "@rfmedsam/segmenter";
import { tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { ball, logitsOf, painted, storedCase, tinyConfiguration } from "../testing/cases.js";
import { RefinerCase, type SequenceSample, type SliceSample } from "./sequences.js";
import { noJitter, only } from "./testing/sources.js";

const shape: Triple = [10, 22, 28];
const classes = 4;
const truth = painted(ball(shape, 1, 0.2, [0.4, 0.35, 0.3]), ball(shape, 3, 0.18, [0.6, 0.6, 0.7]));
const stored = storedCase({
  shape,
  spacing: [4, 2, 1.5],
  classes,
  truth,
  value: (_c, z, y, x, own) => own + 0.01 * (z + y + x),
});
const logits = tensor(logitsOf(shape, classes, truth), [classes, ...shape]).keep();

type Refiner = ReturnType<typeof tinyConfiguration>["refiner"];
const make = (changes: Partial<Refiner> = {}) =>
  new RefinerCase(stored, logits, classes, {
    ...tinyConfiguration().refiner,
    imageSize: 64,
    sequence: 3,
    promptSources: only("outOfFold"),
    boxJitter: noJitter,
    noise: { share: 0, deviation: 0 },
    ...changes,
  } as Refiner);
const draws = (refinerCase: RefinerCase, count: number): SequenceSample[] =>
  Array.from({ length: count }, (_, n) => refinerCase.draw(new Random(5, n)));

/** First and last row and column of a mask `[S, S]`. */
function extent(mask: Float32Array, side: number): [number, number, number, number] | undefined {
  let [x0, y0, x1, y1] = [side, side, -1, -1];
  mask.forEach((value, i) => {
    if (value === 0) return;
    const [y, x] = [Math.floor(i / side), i % side];
    [x0, y0, x1, y1] = [Math.min(x0, x), Math.min(y0, y), Math.max(x1, x), Math.max(y1, y)];
  });
  return x1 < 0 ? undefined : [x0, y0, x1, y1];
}

function eachObject(
  sample: SliceSample,
  side: number,
  visit: (label: number, mask: Float32Array, box: Float32Array, row: number) => void,
): void {
  sample.asked.classes.forEach((label, row) => {
    const mask = sample.truth.subarray(row * side * side, (row + 1) * side * side);
    visit(label, mask, sample.asked.boxes.subarray(row * 4, row * 4 + 4), row);
  });
}

test("some sequences have noise in their pictures, as often as is asked for", () => {
  const [plain, noisy] = [make(), make({ noise: { share: 0.5, deviation: 0.3 } })].map((one) => draws(one, 60));
  const changed = plain!.filter(({ slices }, n) => {
    const same = (a: Float32Array, b: Float32Array) => a.every((value, at) => value === b[at]);
    return slices.length > 0 && !same(slices[0]!.image, noisy![n]!.slices[0]?.image ?? new Float32Array(0));
  });
  expect(changed.length).toBeGreaterThan(15);
  expect(changed.length).toBeLessThan(45);
});

test("what step 0 takes for something else on one slice is asked for with its neighbours' mask", () => {
  const [z, y, x] = shape;
  const confused = tensor(
    logitsOf(shape, classes, (...at) => (at[0] === 4 && truth(...at) === 1 ? 2 : truth(...at))),
    [classes, z, y, x],
  );
  const planned = (bridgeSlices: number) => {
    const configuration = { ...tinyConfiguration().refiner, imageSize: 64 };
    const prompts = { ...configuration.prompts, marginSlices: 0, bridgeSlices };
    const { plan } = new RefinerCase(stored, confused, classes, { ...configuration, prompts });
    return plan[4]!.filter((object) => object.class === 1).map(({ source }) => source);
  };
  expect(planned(1)).toEqual([3]);
  expect(planned(0)).toEqual([]);
  confused.free();
});

describe.each(["axial", "coronal", "sagittal"] as const)("sequences along %s", (axis) => {
  const refinerCase = make({ axis });

  test("are consecutive slices inside the case, with pictures as the segmenter renders them", () => {
    const frame = sliceFrame(shape, stored.spacing, axis, 64);
    expect(refinerCase.frame).toEqual(frame);
    for (const { slices } of draws(refinerCase, 10)) {
      expect(slices.length).toBeGreaterThan(0);
      expect(slices.length).toBeLessThanOrEqual(3);
      for (const [n, sample] of slices.entries()) {
        expect(sample.slice).toBeLessThan(frame.count);
        if (n > 0) expect(sample.slice).toBeGreaterThan(slices[n - 1]!.slice);
        expect(sample.slice - slices[0]!.slice).toBeLessThan(3);
        const picture = new Float32Array(3 * 64 * 64);
        renderSlice(stored, frame, sample.slice, { colours: "adjacent" }, picture);
        expect(sample.image.every((value, i) => value === picture[i])).toBe(true);
      }
    }
  });

  test("with a perfect step 0, boxes enclose the true masks and mask prompts lie on them", () => {
    let seen = 0;
    for (const { slices } of draws(refinerCase, 10)) {
      for (const sample of slices) {
        const masks = sample.asked.prompts.masks!;
        eachObject(sample, 64, (_label, mask, box, row) => {
          const found = extent(mask, 64);
          if (found === undefined || sample.asked.classes.length === 0) return;
          const object = refinerCase.plan[sample.slice]![row]!;
          if (object.source !== sample.slice) return; // a margin slice: prompted from its neighbour
          seen++;
          expect(box[0]).toBeLessThanOrEqual(found[0]);
          expect(box[1]).toBeLessThanOrEqual(found[1]);
          expect(box[2]).toBeGreaterThanOrEqual(found[2]);
          expect(box[3]).toBeGreaterThanOrEqual(found[3]);
          // No further away than the margin and a voxel.
          expect(found[0] - box[0]! + (box[2]! - found[2])).toBeLessThan(2 * 2 + 8);
          // Where the mask prompt (a quarter of the size) is surely inside, the truth is there, and the other way round.
          let wrong = 0;
          for (let y = 0; y < 16; y++) {
            for (let x = 0; x < 16; x++) {
              const prompt = masks[(row * 16 + y) * 16 + x]!;
              let share = 0;
              for (let n = 0; n < 16; n++) share += mask[(4 * y + (n >> 2)) * 64 + 4 * x + (n & 3)]!;
              if ((prompt > 3.9 && share <= 8) || (share === 16 && prompt <= 0)) wrong++;
            }
          }
          expect(wrong).toBe(0);
        });
      }
    }
    expect(seen).toBeGreaterThan(5);
  });

  test("true masks and labels agree", () => {
    for (const { slices } of draws(refinerCase, 6)) {
      for (const sample of slices) {
        eachObject(sample, 64, (label, mask) => {
          expect(mask.every((value, i) => (value === 1) === (sample.labels[i] === label))).toBe(true);
        });
      }
    }
  });
});

describe("prompts", () => {
  test("are of the classes step 0 predicts, with the margin, not of those that are there", () => {
    const shifted = (z: number, y: number, x: number) => truth(z - 2 < 0 ? 0 : z - 2, y, x);
    const prediction = tensor(logitsOf(shape, classes, shifted), [classes, ...shape]).keep();
    const configuration = {
      ...tinyConfiguration().refiner,
      imageSize: 64,
      sequence: 10,
      promptSources: only("outOfFold"),
    };
    const refinerCase = new RefinerCase(stored, prediction, classes, configuration);
    const predicted = (slice: number) => {
      const own = new Uint8Array(22 * 28);
      for (let i = 0; i < own.length; i++) own[i] = shifted(slice, Math.floor(i / 28), i % 28);
      return own;
    };
    const enough = (slice: number, label: number) =>
      slice >= 0 && slice < 10 && predicted(slice).filter((own) => own === label).length >= 4;
    const [sample] = draws(refinerCase, 1);
    const asked = new Map(sample!.slices.map((own) => [own.slice, own.asked.classes]));
    for (let slice = 0; slice < 10; slice++) {
      const wanted = [1, 2, 3].filter((label) => [slice - 1, slice, slice + 1].some((near) => enough(near, label)));
      expect(asked.get(slice) ?? []).toEqual(wanted);
    }
    // The truth is that of the slice itself all the same.
    for (const own of sample!.slices) {
      const there = new Set(extractSlice(stored.truth, shape, 0, own.slice, new Uint8Array(22 * 28)));
      eachObject(own, 64, (label, mask) => expect(mask.some((value) => value === 1)).toBe(there.has(label)));
    }
  });

  test("of degraded truth are the same for the same stream, else others, and of known classes", () => {
    const degraded = make({ promptSources: only("degradedTruth") });
    const boxes = (n: number) =>
      degraded.draw(new Random(9, n)).slices.map(({ asked }) => [...asked.boxes, ...asked.prompts.masks!].join());
    expect(boxes(1)).toEqual(boxes(1));
    expect(boxes(1)).not.toEqual(boxes(2));
    for (const { slices } of draws(degraded, 20)) {
      for (const { asked } of slices) {
        expect(asked.classes.every((label) => label > 0 && label < classes)).toBe(true);
        expect([...asked.boxes].every((edge) => edge >= 0 && edge <= 63)).toBe(true);
        expect([...asked.prompts.masks!].every(Number.isFinite)).toBe(true);
      }
    }
  });

  test.each([
    ["box", false, true],
    ["mask", true, false],
    ["maskAndBox", true, true],
  ] as const)("of kind %s show what they say", (kind, masks, boxes) => {
    const { prompts } = tinyConfiguration().refiner;
    const [sample] = draws(make({ prompts: { ...prompts, kind } }), 1);
    const { asked } = sample!.slices[0]!;
    expect(asked.prompts.masks !== undefined).toBe(masks);
    expect(asked.prompts.boxes !== undefined).toBe(boxes);
    expect(asked.boxes).toHaveLength(4 * asked.classes.length);
  });
});

describe("cases with nothing in them", () => {
  const nothing = () => 0;
  const quiet = tensor(logitsOf(shape, classes, nothing), [classes, ...shape]).keep();
  const configuration = { ...tinyConfiguration().refiner, imageSize: 64 };

  test("neither labelled nor predicted give empty sequences", () => {
    const empty = storedCase({ shape, classes, truth: nothing });
    for (const source of ["outOfFold", "box", "clicks"] as const) {
      const refinerCase = new RefinerCase(empty, quiet, classes, { ...configuration, promptSources: only(source) });
      expect(draws(refinerCase, 5).every(({ slices }) => slices.length === 0)).toBe(true);
    }
  });

  test("made worse ask for false blobs alone", () => {
    const empty = storedCase({ shape, classes, truth: nothing });
    for (const source of ["degradedTruth", "degradedPrediction"] as const) {
      const refinerCase = new RefinerCase(empty, quiet, classes, { ...configuration, promptSources: only(source) });
      const asked = draws(refinerCase, 60).flatMap(({ slices }) => slices);
      expect(asked.length).toBeGreaterThan(0);
      expect(asked.every(({ truth: masks }) => masks.every((value) => value === 0))).toBe(true);
    }
  });

  test("predicted but not labelled ask for what is not there", () => {
    const empty = storedCase({ shape, classes, truth: nothing });
    const whole = { ...configuration, promptSources: only("outOfFold"), sequence: 10 };
    const refinerCase = new RefinerCase(empty, logits, classes, whole);
    const { slices } = refinerCase.draw(new Random(1));
    expect(slices.length).toBeGreaterThan(0);
    expect(slices.every(({ truth: masks }) => masks.every((value) => value === 0))).toBe(true);
  });

  test("thinner than a sequence are taken whole", () => {
    const thin: Triple = [2, 22, 28];
    const label = ball(thin, 1, 0.3);
    const refinerCase = new RefinerCase(
      storedCase({ shape: thin, classes: 2, truth: label }),
      tensor(logitsOf(thin, 2, label), [2, ...thin]).keep(),
      2,
      { ...configuration, sequence: 8, promptSources: only("outOfFold") },
    );
    expect(refinerCase.draw(new Random(1)).slices.map(({ slice }) => slice)).toEqual([0, 1]);
  });
});

test("a box of voxels in the frame is where the true mask is", () => {
  const refinerCase = make();
  const sample = draws(refinerCase, 1)[0]!.slices[0]!;
  eachObject(sample, 64, (label, mask) => {
    const own = refinerCase.truthOf(sample.slice);
    const voxels = extent(
      Float32Array.from(own, (value) => (value === label ? 1 : 0)),
      refinerCase.frame.width,
    );
    const found = extent(mask, 64);
    if (voxels === undefined || found === undefined) return;
    const [left, , right] = boxToInput(refinerCase.frame, voxels);
    expect(Math.abs(left - found[0])).toBeLessThan(1.5);
    expect(Math.abs(right - found[2])).toBeLessThan(1.5);
  });
});
