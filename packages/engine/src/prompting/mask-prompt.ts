/** A mask that a person has, as the mask prompt a decoder takes. */
import { GeometryError } from "@rfmedsam/base";
import type { MaskPicture } from "@rfmedsam/imaging";
import { type PictureSize, type PromptableNetwork, pictureRules } from "@rfmedsam/segmenter";

/** SAM 2 makes logits of masks so: `share · scale + bias`. */
const [scale, bias] = [20, -10];

/**
 * Logits at the network's low resolution: from −10 outside to 10 inside, between them where the mask covers a part of the pixel; outside
 * the picture (SAM's padding) −10.
 *
 * @returns `[m, m]`
 * @throws GeometryError for a mask of another size than the picture
 */
export function maskLogits(
  mask: MaskPicture,
  size: PictureSize,
  { imageSize, maskSize, pictureRule }: Pick<PromptableNetwork, "imageSize" | "maskSize" | "pictureRule">,
): Float32Array {
  const { height, width } = size;
  if (mask.height !== height || mask.width !== width) {
    throw new GeometryError({
      found: `a mask of ${mask.width}×${mask.height} pixels`,
      expected: `the picture's ${width}×${height}`,
      hint: "resize the mask to the picture",
    });
  }
  // Every rule scales each axis by one factor.
  const [right, bottom] = pictureRules[pictureRule].pointToInput([width, height], size, imageSize);
  const columns = footprints(width, right, imageSize / maskSize, maskSize);
  const rows = footprints(height, bottom, imageSize / maskSize, maskSize);
  const sums = summedArea(mask);
  const line = width + 1;
  const out = new Float32Array(maskSize * maskSize).fill(bias);
  for (let v = 0; v < maskSize; v++) {
    const [top, end] = rows[v]!;
    for (let u = 0; u < maskSize; u++) {
      const [left, stop] = columns[u]!;
      const pixels = (end - top) * (stop - left);
      if (pixels === 0) continue;
      const inside =
        sums[end * line + stop]! - sums[top * line + stop]! - sums[end * line + left]! + sums[top * line + left]!;
      out[v * maskSize + u] = (inside / pixels) * scale + bias;
    }
  }
  return out;
}

/** For each low-resolution pixel the picture's pixels under it, from the first up to and without the last; none beyond the picture. */
function footprints(extent: number, inputExtent: number, stride: number, count: number): [number, number][] {
  const scaling = inputExtent / extent;
  return Array.from({ length: count }, (_, n) => {
    const centre = ((n + 0.5) * stride) / scaling;
    if (centre >= extent) return [0, 0];
    const first = Math.round((n * stride) / scaling);
    const last = Math.min(extent, Math.round(((n + 1) * stride) / scaling));
    return last > first ? [first, last] : [Math.floor(centre), Math.floor(centre) + 1];
  });
}

/** `[height + 1, width + 1]`: how many pixels of the mask lie above and left. */
function summedArea({ height, width, data }: MaskPicture): Uint32Array {
  const line = width + 1;
  const sums = new Uint32Array((height + 1) * line);
  for (let y = 0; y < height; y++) {
    let row = 0;
    for (let x = 0; x < width; x++) {
      row += data[y * width + x]! === 0 ? 0 : 1;
      sums[(y + 1) * line + x + 1] = sums[y * line + x + 1]! + row;
    }
  }
  return sums;
}
