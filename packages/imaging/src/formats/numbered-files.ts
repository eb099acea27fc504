/** `slice%03d.raw 1 40 1`: the way in which NRRD and MetaImage name one file per slice. */
import { FormatError } from "@rfmedsam/base";

/** Of a volume in many files. */
export const mostFiles = 65_536;

/**
 * The names of a numbered series, or undefined when the text is none. A further number (NRRD's dimension of the files) is accepted.
 *
 * @throws FormatError for numbers that lead nowhere
 */
export function numberedFiles(text: string, file?: string): string[] | undefined {
  const [pattern = "", ...rest] = text.split(/\s+/);
  const match = /^([^%]*)%(0?)(\d{0,2})d([^%]*)$/.exec(pattern);
  if (match === null) return undefined;
  const [first, last, step = 1] = rest.map(Number);
  const count = (last! - first!) / step + 1;
  if (![first, last, step].every(Number.isSafeInteger) || !(count >= 1 && count <= mostFiles)) {
    throw new FormatError({
      file,
      found: `the data files "${text.slice(0, 80)}"`,
      expected: `a pattern, the first and the last number and the step, at most ${mostFiles} files`,
    });
  }
  const [, before, zero, width, after] = match as unknown as [string, string, string, string, string];
  return Array.from({ length: Math.floor(count) }, (_, n) => {
    const number = String(first! + n * step);
    return `${before}${number.padStart(Number(width), zero === "0" ? "0" : " ")}${after}`;
  });
}
