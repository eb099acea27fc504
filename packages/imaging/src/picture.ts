/** A 2D picture in colours, as PNG and JPEG files hold them and as SAM's networks were trained on. */
import { GeometryError } from "@rfmedsam/base";

export interface RgbPicture {
  /** Rows and columns. */
  readonly height: number;
  readonly width: number;
  /** `[height, width, 3]`: red, green and blue of every pixel, row by row, 0 … 255. */
  readonly data: Uint8Array | Uint8ClampedArray;
}

/** @throws GeometryError when the sizes are no sizes or the data has another length */
export function checkPicture({ height, width, data }: RgbPicture): void {
  const sized = Number.isInteger(height) && Number.isInteger(width) && height > 0 && width > 0;
  if (!sized || data.length !== height * width * 3) {
    throw new GeometryError({
      found: `a picture of ${height}×${width} pixels with ${data.length} values`,
      expected: "three values (red, green, blue) for every pixel",
    });
  }
}
