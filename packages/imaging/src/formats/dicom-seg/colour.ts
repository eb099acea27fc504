/**
 * Colours of segments. DICOM stores CIELab scaled to 16 bits (PS3.3 C.10.7.1.1); like dcmqi, highdicom and the web viewers we take the
 * white point D65, sRGB's own, so that a colour is shown as it was written.
 */

/** 0 to 255 each. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** CIELab as stored: L* 0…100, a* and b* −128…127, each as 0…65535. */
export type StoredLab = readonly [number, number, number];

/** CIE XYZ of sRGB's primaries, white at 1. Source: IEC 61966-2-1. */
const toXyz = [
  [0.4124, 0.3576, 0.1805],
  [0.2126, 0.7152, 0.0722],
  [0.0193, 0.1192, 0.9505],
] as const;
const fromXyz = [
  [3.2406, -1.5372, -0.4986],
  [-0.9689, 1.8758, 0.0415],
  [0.0557, -0.204, 1.057],
] as const;
const whiteD65 = [0.95047, 1, 1.08883] as const;

export function labOfRgb(rgb: Rgb): StoredLab {
  const linear = rgb.map((value) => {
    const part = value / 255;
    return part > 0.04045 ? ((part + 0.055) / 1.055) ** 2.4 : part / 12.92;
  });
  const [x, y, z] = product(toXyz, linear).map((value, axis) => {
    const part = value / whiteD65[axis]!;
    return part > (6 / 29) ** 3 ? Math.cbrt(part) : part / (3 * (6 / 29) ** 2) + 4 / 29;
  }) as [number, number, number];
  const lab = [116 * y - 16, 500 * (x - y), 200 * (y - z)] as const;
  return [stored(lab[0] / 100), stored((lab[1] + 128) / 255), stored((lab[2] + 128) / 255)];
}

export function rgbOfLab([l, a, b]: StoredLab): Rgb {
  const y = ((l / 65535) * 100 + 16) / 116;
  const x = y + ((a / 65535) * 255 - 128) / 500;
  const z = y - ((b / 65535) * 255 - 128) / 200;
  const xyz = [x, y, z].map((part, axis) => {
    return whiteD65[axis]! * (part > 6 / 29 ? part ** 3 : 3 * (6 / 29) ** 2 * (part - 4 / 29));
  });
  const rgb = product(fromXyz, xyz).map((linear) => {
    const part = linear > 0.0031308 ? 1.055 * linear ** (1 / 2.4) - 0.055 : 12.92 * linear;
    return Math.min(255, Math.max(0, Math.round(part * 255)));
  });
  return rgb as unknown as Rgb;
}

/** A colour for the segment at a place in its list (from 0): hues far apart, bright and darker in turn. */
export function paletteColour(index: number): Rgb {
  // Each hue goes on by the golden section of the circle.
  const hue = (index * 0.618033988749895 + 0.02) % 1;
  const value = [0.9, 0.7, 1][index % 3]!;
  const saturation = [0.65, 0.75, 0.5][index % 3]!;
  const channel = (offset: number) => {
    const place = (offset + hue * 6) % 6;
    const part = Math.max(0, Math.min(place, 4 - place, 1));
    return Math.round(255 * value * (1 - saturation * part));
  };
  return [channel(5), channel(3), channel(1)];
}

function product(matrix: readonly (readonly number[])[], vector: readonly number[]): number[] {
  return matrix.map((row) => row.reduce((sum, factor, index) => sum + factor * vector[index]!, 0));
}

function stored(part: number): number {
  return Math.round(Math.min(1, Math.max(0, part)) * 65535);
}
