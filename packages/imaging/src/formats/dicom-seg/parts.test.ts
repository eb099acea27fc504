/** Names into codes, colours there and back, numbers as DICOM writes them. */
import { fc, test as prop } from "@fast-check/vitest";
import { describe, expect, test } from "vitest";
import { labOfRgb, paletteColour, rgbOfLab } from "./colour.js";
import { conceptOf } from "./concepts.js";
import { decimal } from "./encode.js";
import { newUid } from "./uid.js";

describe("label names", () => {
  test.each([
    ["liver", "10200004", []],
    ["Spleen", "78961009", []],
    ["kidney_left", "64033007", ["Left"]],
    ["right kidney", "64033007", ["Right"]],
    ["Kidney (L)", "64033007", ["Left"]],
    ["left adrenal gland", "23451007", ["Left"]],
    ["heart_atrium_left", "82471001", []],
    ["left atrium", "82471001", []],
    ["postcava", "64131007", []],
    ["portal_vein_and_splenic_vein", "110765007", []],
    ["lung_middle_lobe_right", "72481006", []],
    ["lung_upper_lobe_left", "45653009", ["Left"]],
    ["vertebrae_L1", "66794005", []],
    ["rib_right_12", "43993008", ["Right"]],
    ["hippocampus anterior", "5366008", ["Anterior"]],
    ["urinary_bladder", "89837001", []],
    ["gall bladder", "28231008", []],
  ])("%s is %s", (name, code, modifiers) => {
    const concept = conceptOf(name);
    expect(concept.type.value).toBe(code);
    expect(concept.modifiers.map(({ meaning }) => meaning)).toEqual(modifiers);
    expect(concept.category.meaning).toBe("Anatomical Structure");
  });

  test("a finding says where it lies", () => {
    expect(conceptOf("liver tumor")).toMatchObject({ type: { value: "108369006" }, region: { value: "10200004" } });
    expect(conceptOf("kidney_cyst_left")).toMatchObject({
      category: { value: "49755003" },
      type: { value: "367643001" },
      region: { value: "64033007" },
      regionModifiers: [{ meaning: "Left" }],
    });
    expect(conceptOf("cancer").region).toBeUndefined();
  });

  test.each(["", "prostate/uterus", "left", "anterior", "structure 7", "constructor", "肝臓"])(
    "%j gets the general code",
    (name) => {
      expect(conceptOf(name)).toMatchObject({
        category: { value: "91723000" },
        type: { value: "85756007" },
        modifiers: [],
      });
    },
  );
});

describe("colours", () => {
  test("as dcmqi and highdicom store them", () => {
    // dcmqi's liver and highdicom's orange.
    expect(rgbOfLab([41661, 41167, 40792])).toEqual([221, 130, 101]);
    expect(rgbOfLab([49107, 39048, 53188])).toEqual([255, 165, 0]);
    for (const [n, value] of labOfRgb([255, 165, 0]).entries()) {
      expect(Math.abs(value - [49107, 39048, 53188][n]!)).toBeLessThanOrEqual(16);
    }
  });

  const byte = fc.nat(255);
  prop.prop([fc.tuple(byte, byte, byte)])("there and back is the same colour", (rgb) => {
    for (const [n, value] of rgbOfLab(labOfRgb(rgb)).entries())
      expect(Math.abs(value - rgb[n]!)).toBeLessThanOrEqual(1);
  });

  test("the first hundred of the palette are different", () => {
    expect(new Set(Array.from({ length: 100 }, (_, n) => String(paletteColour(n)))).size).toBe(100);
  });
});

describe("numbers and identifiers", () => {
  test.each([
    [0.1 + 0.2, "0.3"],
    [-235.199997, "-235.199997"],
    [6.123233995736766e-17, "6.1232339957e-17"],
    [-1.2345678901234567, "-1.2345678901235"],
    ["0.810547000", "0.810547000"],
    ["", ""],
  ])("%s is written %s", (value, written) => {
    expect(decimal(value)).toBe(written);
  });

  prop.prop([fc.double({ noNaN: true, min: -1e300, max: 1e300 })])(
    "any number fits 16 characters and keeps its size",
    (value) => {
      const written = decimal(value);
      expect(written.length).toBeLessThanOrEqual(16);
      expect(Math.abs(Number(written) - value)).toBeLessThanOrEqual(1e-8 * Math.abs(value));
    },
  );

  test("identifiers are DICOM's and never the same", () => {
    const uids = Array.from({ length: 50 }, newUid);
    expect(new Set(uids).size).toBe(50);
    for (const uid of uids) expect(uid).toMatch(/^2\.25\.[1-9]\d{0,38}$/);
  });
});
