import { expect, test } from "vitest";
import { keepLargestComponents } from "./largest-component.js";

test("only the largest piece of the named classes stays; a corner holds together", () => {
  const labels = Uint8Array.from("1100 0010 5005 1005".replaceAll(" ", ""), Number);
  const removed = keepLargestComponents(labels, [1, 4, 4], [1, 9]);
  expect([...labels].join("")).toBe("1100001050050005");
  expect(removed).toEqual([1, 0]);
  expect(keepLargestComponents(labels, [1, 4, 4], [5])).toEqual([1]);
  expect([...labels].join("")).toBe("1100001000050005");
});

test("of equally large pieces the first stays", () => {
  const labels = Uint8Array.of(3, 0, 3);
  keepLargestComponents(labels, [1, 1, 3], [3]);
  expect([...labels]).toEqual([3, 0, 0]);
});
