import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { apply } from "./geometry.js";
import { orientationOf, orientations, reorient } from "./orientation.js";
import { axisLetters, volumes } from "./testing/arbitraries.js";
import { largestDifference } from "./testing/reference.js";

describe("orientation", () => {
  test("there are 48, all different", () => {
    expect(new Set(orientations).size).toBe(48);
  });

  test.prop([volumes, axisLetters])("reorienting there and back is the identity", (volume, letters) => {
    const back = reorient(reorient(volume, letters), orientationOf(volume));
    expect(back.shape).toEqual(volume.shape);
    expect(back.data).toEqual(volume.data);
    expect(largestDifference(back.affine, volume.affine)).toBeLessThan(1e-9);
  });

  test.prop([volumes, axisLetters])("a reoriented volume has the orientation asked for", (volume, letters) => {
    expect(orientationOf(reorient(volume, letters))).toBe(letters);
  });

  test.prop([volumes, axisLetters, fc.nat()])("every voxel keeps its place in the patient", (volume, letters, pick) => {
    const marked = { ...volume, data: Int32Array.from({ length: volume.data.length }, (_, index) => index) };
    const turned = reorient(marked, letters);
    const at = pick % marked.data.length;
    const place = (v: typeof marked) => {
      const index = v.data.indexOf(at);
      const [, height, width] = v.shape;
      return apply(v.affine, [index % width, Math.floor(index / width) % height, Math.floor(index / (width * height))]);
    };
    expect(largestDifference(place(turned), place(marked))).toBeLessThan(1e-9);
  });

  test("letters that are no orientation are refused", () => {
    const volume = {
      data: new Uint8Array(1),
      shape: [1, 1, 1] as const,
      affine: [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1],
    };
    for (const letters of ["RAR", "ras", "RA", "RASS", ""])
      expect(() => reorient(volume, letters)).toThrow(ConfigError);
  });
});
