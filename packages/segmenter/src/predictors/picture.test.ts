import { fc, test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { resizeBilinear } from "./bilinear.js";
import { evaluationMasks, type PictureRuleName, pictureRules } from "./picture.js";

const names = Object.keys(pictureRules) as PictureRuleName[];
const rule = fc.constantFrom(...names);
const side = fc.integer({ min: 1, max: 70 });
const imageSize = 32;
const maskSize = 8;
const grey = (height: number, width: number, value = 0) => ({
  height,
  width,
  data: new Uint8Array(height * width * 3).fill(value),
});

describe("pictures", () => {
  test.prop([rule, side, side, fc.integer({ min: 0, max: 255 })])(
    "of one colour become the normalised colour, plus SAM's padding of zeros",
    (name, height, width, value) => {
      const input = pictureRules[name].prepare(grey(height, width, value), imageSize);
      expect(input).toHaveLength(3 * imageSize ** 2);
      const scale = name === "sam" ? imageSize / Math.max(height, width) : Number.POSITIVE_INFINITY;
      const [rows, columns] = [height, width].map((length) => Math.max(1, Math.floor(length * scale + 0.5)));
      let worst = 0;
      for (let colour = 0; colour < 3; colour++) {
        const wanted = (value - [123.675, 116.28, 103.53][colour]!) / [58.395, 57.12, 57.375][colour]!;
        for (let at = 0; at < imageSize ** 2; at++) {
          const inside = Math.floor(at / imageSize) < rows! && at % imageSize < columns!;
          worst = Math.max(worst, Math.abs(input[colour * imageSize ** 2 + at]! - (inside ? wanted : 0)));
        }
      }
      expect(worst).toBeLessThan(1e-4);
    },
  );

  test.prop([rule, fc.integer({ min: 20, max: 70 }), fc.integer({ min: 20, max: 70 }), fc.nat(), fc.nat()])(
    "a bright spot lies where its coordinates lead",
    (name, height, width, atX, atY) => {
      // A spot of 5 × 5 pixels survives nearest-pixel shrinking.
      const [x, y] = [2 + (atX % (width - 4)), 2 + (atY % (height - 4))];
      const picture = grey(height, width);
      for (let dy = -2; dy <= 2; dy++) {
        const from = 3 * ((y + dy) * width + x - 2);
        picture.data.fill(255, from, from + 15);
      }
      const plane = pictureRules[name].prepare(picture, imageSize).subarray(0, imageSize ** 2);
      const dark = Math.min(...plane.filter((value) => value !== 0));
      let [weight, meanX, meanY] = [0, 0, 0];
      plane.forEach((value, i) => {
        const brightness = value === 0 ? 0 : value - dark;
        weight += brightness;
        meanX += brightness * (i % imageSize);
        meanY += brightness * Math.floor(i / imageSize);
      });
      const [wantedX, wantedY] = pictureRules[name].pointToInput([x, y], picture, imageSize);
      // Their rule ignores that pixels have a middle, and nearest pixels come from the left: a pixel or so either way.
      expect(Math.abs(meanX / weight - wantedX)).toBeLessThan(1.5);
      expect(Math.abs(meanY / weight - wantedY)).toBeLessThan(1.5);
    },
  );

  test("colours are planes in the order red, green, blue", () => {
    const picture = { height: 1, width: 1, data: Uint8Array.of(255, 0, 0) };
    for (const name of names) {
      const input = pictureRules[name].prepare(picture, 1);
      expect(input[0]).toBeGreaterThan(2);
      expect([input[1], input[2]].every((value) => value! < -1)).toBe(true);
    }
  });

  test("are refused when sizes and data do not fit", () => {
    for (const name of names) {
      expect(() => pictureRules[name].prepare({ ...grey(3, 4), width: 5 }, imageSize)).toThrow(GeometryError);
    }
  });

  test("of a sliver keep a pixel of its short side", () => {
    expect(() => pictureRules.sam.prepare(grey(1, 500), imageSize)).not.toThrow();
  });
});

describe("masks", () => {
  test.prop([rule, side, side, fc.double({ min: -9, max: 9, noNaN: true })])(
    "constant logits stay what they are at the picture's size",
    (name, height, width, value) => {
      const low = new Float32Array(2 * maskSize ** 2).fill(value);
      const masks = pictureRules[name].toPicture(low, 2, maskSize, { height, width }, imageSize);
      expect(masks).toHaveLength(2 * height * width);
      expect(masks.every((logit) => Math.abs(logit - value) < 1e-4)).toBe(true);
    },
  );

  test.prop([rule, fc.integer({ min: 8, max: 70 }), fc.integer({ min: 8, max: 70 })])(
    "a slope comes back at the picture's places",
    (name, height, width) => {
      const size = { height, width };
      const low = Float32Array.from(
        { length: maskSize ** 2 },
        (_, i) => (i % maskSize) + 10 * Math.floor(i / maskSize),
      );
      const masks = pictureRules[name].toPicture(low, 1, maskSize, size, imageSize);
      let worst = 0;
      const toMask = (input: number) => (input * maskSize) / imageSize - 0.5;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const [inputX, inputY] = pictureRules[name].pointToInput([x + 0.5, y + 0.5], size, imageSize);
          const [column, row] = [toMask(inputX), toMask(inputY)];
          // Near the border the outermost logit repeats; SAM's cut has a border of its own.
          const [endX, endY] = pictureRules[name].pointToInput([width, height], size, imageSize);
          const inner = Math.min(inputX, inputY) >= 6 && inputX <= endX - 6 && inputY <= endY - 6;
          if (inner) worst = Math.max(worst, Math.abs(masks[y * width + x]! - (column + 10 * row)));
        }
      }
      expect(worst).toBeLessThan(1e-3);
    },
  );

  test("SAM-Med2D's are foreground where the sigmoid, rounded to float32, is above a half", () => {
    const { threshold } = pictureRules["sam-med2d"];
    const sigmoid = (logit: number) => Math.fround(1 / Math.fround(1 + Math.fround(Math.exp(-logit))));
    expect(sigmoid(threshold)).toBe(0.5);
    expect(sigmoid(Math.fround(threshold * 1.001))).toBeGreaterThan(0.5);
  });

  test.prop([side, side])(
    "an evaluation's are the middle of the enlarged mask when both sides are below S",
    (height, width) => {
      const low = Float32Array.from({ length: maskSize ** 2 }, (_, i) => Math.sin(i));
      const masks = evaluationMasks(low, 1, maskSize, { height, width }, imageSize);
      const large = resizeBilinear(low, 1, [maskSize, maskSize], [imageSize, imageSize]);
      if (height >= imageSize || width >= imageSize) {
        expect(masks).toEqual(resizeBilinear(large, 1, [imageSize, imageSize], [height, width]));
        return;
      }
      const [top, left] = [Math.floor((imageSize - height) / 2), Math.floor((imageSize - width) / 2)];
      masks.forEach((value, i) => {
        expect(value).toBe(large[(top + Math.floor(i / width)) * imageSize + left + (i % width)]);
      });
    },
  );
});
