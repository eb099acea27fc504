/** Laws of the geometry of a series, and one broken series for every promise; files built in code. */
import { fc, test } from "@fast-check/vitest";
import { GeometryError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { ctFile, ctSeries, failure, type TestElement, type TestSlice } from "../../testing/dicom-files.js";
import { decodeDicomSeries } from "./decode.js";

const angle = fc.double({ min: -Math.PI, max: Math.PI, noNaN: true });
const millimetres = fc.double({ min: 0.1, max: 10, noNaN: true });
const place = fc.double({ min: -1000, max: 1000, noNaN: true });

/** Rotation by three angles, as the directions of rows, columns and slices. */
function directions([a, b, c]: readonly number[]): [number[], number[], number[]] {
  const [ca, sa, cb, sb, cc, sc] = [a!, b!, c!].flatMap((x) => [Math.cos(x), Math.sin(x)]) as number[];
  return [
    [cb! * cc!, sa! * sb! * cc! + ca! * sc!, -ca! * sb! * cc! + sa! * sc!],
    [-cb! * sc!, -sa! * sb! * sc! + ca! * cc!, ca! * sb! * sc! + sa! * cc!],
    [sb!, -sa! * cb!, ca! * cb!],
  ];
}

describe("geometry", () => {
  test.prop([
    fc.tuple(angle, angle, angle),
    fc.tuple(millimetres, millimetres, millimetres),
    fc.tuple(place, place, place),
    fc.integer({ min: 2, max: 6 }),
    fc.infiniteStream(fc.nat()),
  ])("any orientation, spacing and order of files gives the grid the slices were placed on", async (...drawn) => {
    const [angles, [down, across, apart], origin, count, shuffle] = drawn;
    const [along, below, normal] = directions(angles);
    const files = ctSeries(count, (k) => ({
      position: origin.map((value, axis) => value + k * apart * normal[axis]!),
      orientation: [...along, ...below],
      spacing: [down, across],
    }));
    const order = files.map((file) => ({ file, key: shuffle.next().value as number })).sort((a, b) => a.key - b.key);
    const { volume, warnings } = await decodeDicomSeries(order.map(({ file }) => file));
    expect(warnings).toEqual([]);
    expect(volume.shape).toEqual([count, 3, 4]);
    const lps = [
      ...[0, 1, 2].map((axis) => [along[axis]! * across, below[axis]! * down, normal[axis]! * apart, origin[axis]!]),
    ];
    const expected = lps.flatMap((row, axis) => (axis < 2 ? row.map((value) => -value) : row));
    for (const [index, value] of [...expected, 0, 0, 0, 1].entries())
      expect(volume.affine[index]).toBeCloseTo(value, 8);
    for (let k = 0; k < count; k++) expect(volume.data[k * 12]).toBe(100 * (k + 1));
  });

  test("a tilted gantry keeps its slanted grid and is told about", async () => {
    const files = ctSeries(4, (k) => ({ position: [0, k, 2 * k] }));
    const { volume, warnings } = await decodeDicomSeries(files);
    expect(volume.affine.slice(0, 12)).toEqual([-1, 0, 0, 0, 0, -1, -1, 0, 0, 0, 2, 0]);
    expect(warnings).toEqual([expect.stringContaining("tilted by 26.6°")]);
  });

  test("a missing slice and uneven gaps are told about, with how far slices are from their place", async () => {
    const missing = await decodeDicomSeries(ctSeries(4, (k) => ({ position: [0, 0, [0, 2, 6, 8][k]!] })));
    expect(missing.warnings[0]).toMatch(/One slice seems to be missing \(after slice 2 of 4.* 2 mm\).* up to 0.667 mm/);
    const uneven = await decodeDicomSeries(ctSeries(4, (k) => ({ position: [0, 0, [0, 2, 4.9, 6][k]!] })));
    expect(uneven.warnings[0]).toMatch(/unevenly \(1.1 mm to 2.9 mm apart, usually 2 mm\).* up to 0.9 mm/);
    const sideways = await decodeDicomSeries(ctSeries(4, (k) => ({ position: [k === 2 ? 3 : 0, 0, 2 * k] })));
    expect(sideways.warnings[0]).toMatch(/up to 3 mm from their true place/);
  });

  test("a single slice takes its stated thickness", async () => {
    const { volume, warnings } = await decodeDicomSeries(ctSeries(1));
    expect(volume.affine[10]).toBe(2);
    expect(warnings).toEqual([expect.stringContaining("one slice")]);
    const without = await decodeDicomSeries(ctSeries(1, () => ({ other: { thickness: undefined } })));
    expect(without.warnings).toEqual([expect.stringContaining("1 mm was taken")]);
  });

  test("without any position the instance numbers order the slices, with a warning", async () => {
    const other = { position: undefined, orientation: undefined };
    const { volume, warnings } = await decodeDicomSeries(ctSeries(3, (k) => ({ instance: 3 - k, other })));
    expect([0, 12, 24].map((at) => volume.data[at])).toEqual([100, 200, 300]);
    expect(warnings).toEqual([expect.stringContaining("do not say where they lie")]);
  });

  const refused: readonly [what: string, change: (k: number) => TestSlice, message: RegExp][] = [
    ["some positions missing", (k) => ({ other: k === 1 ? { position: undefined } : {} }), /1 of 3 images without/],
    ["a position that is no number", () => ({ position: [0, 0, Number.NaN] }), /not made of numbers/],
    ["a position of two numbers", () => ({ position: [0, 0] }), /not made of numbers/],
    ["parallel directions", () => ({ orientation: [1, 0, 0, 1, 0, 0] }), /right angles/],
    ["directions that are no unit vectors", () => ({ orientation: [2, 0, 0, 0, 1, 0] }), /unit vectors/],
    ["no spacing", () => ({ other: { spacing: undefined } }), /no pixel spacing/],
    ["a negative spacing", () => ({ spacing: [1, -1] }), /pixel spacing 1 × -1/],
    [
      "an empty spacing",
      () => ({ other: { spacing: ["00280030", "DS", "1\\"] as TestElement } }),
      /pixel spacing 1 × NaN/,
    ],
    ["mixed sizes", (k) => ({ rows: k === 1 ? 5 : 3 }), /different sizes/],
    ["mixed spacings", (k) => ({ spacing: k === 1 ? [2, 2] : [1, 1] }), /different sizes/],
    ["the same position twice", (k) => ({ position: [0, 0, k === 1 ? 0 : k] }), /same position \(image0, image1\)/],
    ["every position twice", (k) => ({ position: [0, 0, 0], uid: `1.${k}` }), /same position/],
    ["as many images in either orientation", (k) => ({ orientation: orientationOf(k) }), /orientations/],
  ];

  test.each(refused)("%s: refused", async (_, change, message) => {
    const error = await failure(decodeDicomSeries(ctSeries(3, change)));
    expect(error).toBeInstanceOf(GeometryError);
    expect(error.message).toMatch(message);
  });

  test("two time points are refused, naming what tells them apart", async () => {
    const time = (k: number): TestElement => ["00200100", "IS", String(1 + (k % 2))];
    const files = ctSeries(6, (k) => ({ position: [0, 0, k >> 1], other: { time: time(k) } }));
    const error = await failure(decodeDicomSeries(files));
    expect(error.message).toMatch(/2 images at each of 3 positions \(temporal position 1, 2\)/);
  });

  test("a localizer among the slices is left out", async () => {
    const files = ctSeries(4, (k) => (k === 3 ? { orientation: [1, 0, 0, 0, 0, -1] } : {}));
    const { volume, warnings } = await decodeDicomSeries(files);
    expect(volume.shape[0]).toBe(3);
    expect(warnings).toEqual([expect.stringMatching(/another orientation.*image3/)]);
  });

  test("a copied file is left out; a different image under the same identifier is refused", async () => {
    const files = ctSeries(3);
    const { volume, warnings } = await decodeDicomSeries([...files, { ...files[1]!, name: "copy" }]);
    expect(volume.shape[0]).toBe(3);
    expect(warnings).toEqual([expect.stringContaining("copy")]);
    const samples = new Int16Array(12);
    const forged = { name: "forged", bytes: ctFile({ instance: 2, position: [0, 0, 2], samples }) };
    expect(await failure(decodeDicomSeries([...files, forged]))).toBeInstanceOf(GeometryError);
  });
});

function orientationOf(k: number): number[] {
  return [
    [1, 0, 0, 0, 1, 0],
    [1, 0, 0, 0, 0, -1],
    [0, 1, 0, 0, 0, -1],
  ][k]!;
}
