import { InvalidArgumentError } from "commander";
import { describe, expect, test } from "vitest";
import { collectBox, collectMask, collectPoint, intensityWindow } from "./prompts.js";

describe("prompts on the command line", () => {
  test.each([
    ["12,30", { object: 1, at: [12, 30], label: 1 }],
    ["12,30:0", { object: 1, at: [12, 30], label: 0 }],
    ["12.5,30,4:1@2", { object: 2, at: [12.5, 30, 4], label: 1 }],
    ["-12,30,4@255", { object: 255, at: [-12, 30, 4], label: 1 }],
  ])("a point %s", (text, expected) => expect(collectPoint(text)).toEqual([expected]));

  test.each([
    ["1,2,3,4", { object: 1, box: [1, 2, 3, 4], slice: undefined }],
    ["1,2,3,4,9@3", { object: 3, box: [1, 2, 3, 4], slice: 9 }],
  ])("a box %s", (text, expected) => expect(collectBox(text)).toEqual([expected]));

  test.each([
    ["a.png", { object: 1, file: "a.png", slice: undefined }],
    ["a.png:12@2", { object: 2, file: "a.png", slice: 12 }],
    ["C:\\masks\\a.png:3", { object: 1, file: "C:\\masks\\a.png", slice: 3 }],
    ["who@home.png", { object: 1, file: "who@home.png", slice: undefined }],
  ])("a mask %s", (text, expected) => expect(collectMask(text)).toEqual([expected]));

  test("several are collected", () => {
    expect(collectPoint("3,4", collectPoint("1,2"))).toHaveLength(2);
    expect(collectBox("1,2,3,4@2", collectBox("1,2,3,4"))).toHaveLength(2);
    expect(collectMask("b.png@2", collectMask("a.png"))).toHaveLength(2);
  });

  test.each(["", "1", "1,2,3,4", "1,x", "1,2:2", "1,2:", "1,2@0", "1,2@256", "1,2@x", "1,,2", "NaN,1", "1,Infinity"])(
    "%j is no point",
    (text) => expect(() => collectPoint(text)).toThrow(InvalidArgumentError),
  );
  test.each(["", "1,2,3", "1,2,3,4,5,6", "1,2,3,4,1.5", "1,2,3,4,-1", "a,b,c,d"])("%j is no box", (text) =>
    expect(() => collectBox(text)).toThrow(InvalidArgumentError),
  );
  test.each(["", "@2", ":3"])("%j is no mask", (text) => expect(() => collectMask(text)).toThrow(InvalidArgumentError));

  test("a window has two ends", () => {
    expect(intensityWindow("-160,240")).toEqual({ low: -160, high: 240 });
    for (const text of ["", "1", "2,1", "1,1", "1,2,3"])
      expect(() => intensityWindow(text)).toThrow(InvalidArgumentError);
  });
});
