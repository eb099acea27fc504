import { expect, test } from "vitest";
import { someOf } from "./names.js";

test("a list names its first members, and says when there are more", () => {
  expect(someOf(["a", "b", "c"])).toBe("a, b, c");
  expect(someOf(["a", "b", "c", "d"])).toBe("a, b, c, …");
  expect(someOf(["a", "b"], 1)).toBe("a, …");
  expect(someOf([])).toBe("");
});
