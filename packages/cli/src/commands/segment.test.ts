import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
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

  test("looks at the output folder before it opens the model, and leaves nothing there", async () => {
    const folder = await mkdtemp(join(tmpdir(), "segment-command-"));
    onTestFinished(() => rm(folder, { recursive: true }));
    const file = join(folder, "file");
    await writeFile(file, "");
    const into = (output: string) => runCommandLine("segment", "a.nii.gz", "-m", join(folder, "none"), "-o", output);
    for (const output of [file, join(file, "below")]) {
      const { code, err } = await into(output);
      expect(code).toBe(2);
      expect(err).toMatch(/file: is not a folder; expected a folder.*\sChoose another output folder/s);
    }
    if (existsSync("/proc/self")) {
      for (const output of ["/proc", "/proc/foo"]) {
        expect((await into(output)).err).toMatch(
          /(nothing|no folder) can be\s+made in\s.*Choose\s+a\s+place\s+on\s+a\s+disk/s,
        );
      }
    }
    expect((await into(join(folder, "out/deep"))).err).toMatch(/none/);
    expect(await readdir(folder)).toEqual(["file"]);
  });
});
