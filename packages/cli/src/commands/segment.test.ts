import { describe, expect, test } from "vitest";
import { runCommandLine } from "../testing/command-line.js";

describe("rfmedsam segment", () => {
  test.each([
    [["--folds", "0,x"], /Expected numbers of folds, such as 0,2/],
    [["--folds", ""], /Expected numbers of folds/],
    [["--folds", "-1"], /Expected numbers of folds/],
    [["--batch", "0"], /Expected a whole number from 1/],
  ])("refuses %s", async (wrong, words) => {
    const { code, err } = await runCommandLine("segment", "a.nii.gz", "-m", "m", "-o", "o", ...wrong);
    expect(code).toBe(2);
    expect(err).toMatch(words);
  });

  test("says where maps of probability and uncertainty go", async () => {
    const { out } = await runCommandLine("segment", "--help");
    expect(out).toMatch(/--probabilities[\s\S]*OUT\/probabilities\/CASE\/ORGAN\.nii\.gz/);
    expect(out).toMatch(/--uncertainty[\s\S]*OUT\/uncertainty\/CASE\.nii\.gz/);
  });
});
