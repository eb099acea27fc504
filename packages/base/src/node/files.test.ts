import { expect, test } from "vitest";
import { FileError, ResourceError } from "../errors.js";
import { outputErrorOf } from "./files.js";

const failed = (code: string) => Object.assign(new Error(code), { code });

test("an output that cannot be written says why and what helps, a full disk as everywhere", () => {
  const missing = outputErrorOf(failed("ENOENT"), "/proc/x.html");
  expect(missing).toBeInstanceOf(FileError);
  expect(missing.message).toMatch(/cannot be written.*a place on a disk/is);
  for (const code of ["ENOSPC", "EDQUOT", "EFBIG"]) {
    const full = outputErrorOf(failed(code), "labels.nii.gz");
    expect(full).toBeInstanceOf(ResourceError);
    expect(full.message).toMatch(/the disk is full.*free some space/is);
  }
  expect(outputErrorOf(failed("EMFILE"), "a").message).toMatch(/another place for the output/i);
  expect(outputErrorOf(missing, "another")).toBe(missing);
});
