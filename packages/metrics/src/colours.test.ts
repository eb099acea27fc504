import { describe, expect, test } from "vitest";
import { colourOf, hexOf, labelColours, type Rgb } from "./colours.js";

/** Colour vision deficiencies at full severity (Machado et al. 2009), on linear RGB. */
const visions: Readonly<Record<string, readonly number[]>> = {
  normal: [1, 0, 0, 0, 1, 0, 0, 0, 1],
  protanopia: [0.152286, 1.052583, -0.204868, 0.114503, 0.786281, 0.099216, -0.003882, -0.048116, 1.051998],
  deuteranopia: [0.367322, 0.860646, -0.227968, 0.280085, 0.672501, 0.047413, -0.01182, 0.04294, 0.968881],
  tritanopia: [1.255528, -0.076749, -0.178779, -0.078411, 0.930809, 0.147602, 0.004733, 0.691367, 0.3039],
};

type Vector = [number, number, number];

const times = (matrix: readonly number[], [x, y, z]: Vector): Vector =>
  [0, 3, 6].map((row) => matrix[row]! * x + matrix[row + 1]! * y + matrix[row + 2]! * z) as Vector;

function linear(colour: Rgb): Vector {
  return colour.map((channel) => {
    const c = channel / 255;
    return c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  }) as Vector;
}

/** OKLab (Ottosson 2020); 0.02 is a just noticeable difference. */
function oklab(rgb: Vector): Vector {
  const toLms = [
    0.4122214708, 0.5363325363, 0.0514459929, 0.2119034982, 0.6806995451, 0.1073969566, 0.0883024619, 0.2817188376,
    0.6299787005,
  ];
  const toLab = [
    0.2104542553, 0.793617785, -0.0040720468, 1.9779984951, -2.428592205, 0.4505937099, 0.0259040371, 0.7827717662,
    -0.808675766,
  ];
  return times(
    toLab,
    times(toLms, rgb.map((value) => Math.min(1, Math.max(0, value))) as Vector).map(Math.cbrt) as Vector,
  );
}

const distance = (a: Vector, b: Vector) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]);

describe.each(Object.entries(visions))("label colours with %s", (_, vision) => {
  const seen = labelColours.map((colour) => oklab(times(vision, linear(colour))));

  test("are told apart", () => {
    for (const [i, a] of seen.entries()) {
      for (const [j, b] of seen.slice(0, i).entries()) {
        expect(distance(a, b), `labels ${i + 1} and ${j + 1}`).toBeGreaterThan(0.07);
      }
    }
  });
});

test("there are enough of them, none is grey, and they start again", () => {
  expect(labelColours.length).toBeGreaterThanOrEqual(16);
  for (const colour of labelColours) {
    const [, a, b] = oklab(linear(colour));
    expect(Math.hypot(a, b), hexOf(colour)).toBeGreaterThan(0.05);
  }
  expect(colourOf(labelColours.length + 1)).toEqual(colourOf(1));
  expect(hexOf([0, 158, 115])).toBe("#009e73");
});
