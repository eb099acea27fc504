import { fc, test } from "@fast-check/vitest";
import { expect } from "vitest";
import { minimise } from "./minimise.js";

const plenty = { trials: 100_000, seconds: 60 };

test.prop([fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 }), fc.uint8Array({ maxLength: 60 })])(
  "of a file that fails because of two bytes in order, these two are left",
  async (a, b, c) => {
    const shows = async (bytes: Uint8Array) => bytes.indexOf(7) >= 0 && bytes.lastIndexOf(9) > bytes.indexOf(7);
    expect(await minimise(Uint8Array.of(...a, 7, ...b, 9, ...c), shows, plenty)).toEqual(Uint8Array.of(7, 9));
  },
);

test("what cannot be left out becomes zero", async () => {
  const shows = async (bytes: Uint8Array) => bytes.length === 20 && bytes[11] === 5;
  const smallest = new Uint8Array(20);
  smallest[11] = 5;
  expect(await minimise(new Uint8Array(20).fill(5), shows, plenty)).toEqual(smallest);
});

test("without trials left a file stays as it is", async () => {
  const file = Uint8Array.of(1, 2, 3);
  expect(await minimise(file, async () => true, { trials: 0, seconds: 60 })).toEqual(file);
});
