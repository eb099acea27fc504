/** Found masks for people: the picture with every mask in a colour of its own, small masks above large ones. */
import { ConfigError, GeometryError } from "@rfmedsam/base";
import { checkPicture, type RgbPicture } from "@rfmedsam/imaging";
import type { FoundMask } from "./generator.js";

export type OverlayColour = readonly [red: number, green: number, blue: number];

export interface OverlayOptions {
  /** How much of the colour is seen, 0 … 1. */
  readonly opacity?: number;
  /** Colour of the mask at a position in the list, 0 … 255; by default hues as far apart as their number allows. */
  readonly colours?: (index: number) => OverlayColour;
}

/**
 * @param masks as `segmentEverything` found them on this picture
 * @returns a new picture of the same size
 * @throws GeometryError for a mask of another size, ConfigError for an opacity outside 0 … 1
 */
export function everythingOverlay(
  picture: RgbPicture,
  masks: readonly Pick<FoundMask, "segmentation" | "area">[],
  { opacity = 0.5, colours = distinctColour }: OverlayOptions = {},
): RgbPicture {
  checkPicture(picture);
  if (!(opacity >= 0 && opacity <= 1)) {
    throw new ConfigError({ found: `an opacity of ${opacity}`, expected: "a number from 0 to 1" });
  }
  const { height, width } = picture;
  const data = Uint8ClampedArray.from(picture.data);
  const top = topmost(picture, masks);
  const palette = masks.map((_, index) => colours(index));
  for (let i = 0; i < top.length; i++) {
    const colour = top[i] === 0 ? undefined : palette[top[i]! - 1];
    if (colour === undefined) continue;
    for (let c = 0; c < 3; c++) data[i * 3 + c] = data[i * 3 + c]! * (1 - opacity) + colour[c]! * opacity;
  }
  return { height, width, data };
}

/** For every pixel the mask seen there, from 1; 0 where there is none. */
function topmost(
  { height, width }: RgbPicture,
  masks: readonly Pick<FoundMask, "segmentation" | "area">[],
): Int32Array {
  const top = new Int32Array(height * width);
  const largestFirst = Array.from(masks.keys()).sort((a, b) => masks[b]!.area - masks[a]!.area || b - a);
  for (const index of largestFirst) {
    const { size, counts } = masks[index]!.segmentation;
    if (size[0] !== height || size[1] !== width) {
      throw new GeometryError({
        found: `a mask of ${size[0]}×${size[1]} pixels`,
        expected: `the picture's ${height}×${width}`,
      });
    }
    let position = 0;
    counts.forEach((count, run) => {
      for (let p = position; run % 2 === 1 && p < position + count; p++) {
        top[(p % height) * width + Math.floor(p / height)] = index + 1;
      }
      position += count;
    });
  }
  return top;
}

/** Each hue goes on by the golden section of the circle, so that any number of them lies well apart; brightness changes in threes. */
function distinctColour(index: number): OverlayColour {
  const hue = (index * 0.618034 * 6) % 6;
  const value = [255, 190, 225][index % 3]!;
  const channel = (shift: number) => {
    const k = (hue + shift) % 6;
    return Math.round(value * (1 - 0.85 * Math.max(0, Math.min(k, 4 - k, 1))));
  };
  return [channel(5), channel(3), channel(1)];
}
