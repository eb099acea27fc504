/** What a picture may claim to be before anything is allocated for it. */
import { FormatError } from "@rfmedsam/base";

/** Pixels of the largest picture that is read: 134 million, 400 MB of colours. */
export const mostPixels = 2 ** 27;

/** @throws FormatError for sizes that are none, and for pictures larger than `mostPixels` */
export function checkSize(width: number, height: number, file: string | undefined): void {
  if (width > 0 && height > 0 && width * height <= mostPixels) return;
  const none = width === 0 || height === 0;
  throw new FormatError({
    file,
    found: `a picture of ${width}×${height} pixels`,
    expected: none ? "at least one pixel" : `at most ${mostPixels} pixels`,
    hint: none ? "the file is damaged" : "cut out the part you need, or make the picture smaller",
  });
}

export function damaged(found: string, file: string | undefined, cause?: unknown): FormatError {
  return new FormatError({
    file,
    found,
    expected: "a whole picture",
    hint: "the file is damaged or cut short: copy or download it again",
    cause,
  });
}
