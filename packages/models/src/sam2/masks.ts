/** Small functions on batches of masks, one object per sample. */
import { arange, F, type Tensor } from "@rfmedsam/torch";

/**
 * Where objects overlap only the one with the highest logit keeps its own; the others sink to -10 (sigmoid 5·10⁻⁵) or below.
 * @param logits `[B, 1, H, W]`, B objects of one image
 */
export function withoutOverlap(logits: Tensor): Tensor {
  const objects = logits.shape[0]!;
  if (objects === 1) return logits;
  const winner = logits.argmax({ dim: 0, keepdim: true });
  const own = arange(0, objects, 1, { dtype: "int64", device: logits.device }).reshape([objects, 1, 1, 1]);
  return F.where(winner.eq(own), logits, logits.clamp({ max: -10 }));
}

/**
 * Smallest boxes around masks, corners included.
 * @param masks `[..., H, W]`, foreground above 0
 * @returns `[..., 4]` int32: x0, y0, x1, y1 in pixels; (W, H, -1, -1) for an empty mask
 */
export function boxesOf(masks: Tensor): Tensor {
  const [height, width] = masks.shape.slice(-2) as [number, number];
  const foreground = masks.gt(0);
  const along = (length: number, dim: -1 | -2): [Tensor, Tensor] => {
    const index = arange(0, length, 1, { dtype: "int32", device: masks.device });
    const places = dim === -1 ? index : index.unsqueeze(-1);
    const first = F.where(foreground, places, length).amin({ dim: [-2, -1] });
    const last = F.where(foreground, places, -1).amax({ dim: [-2, -1] });
    return [first, last];
  };
  const [x0, x1] = along(width, -1);
  const [y0, y1] = along(height, -2);
  return F.stack([x0, y0, x1, y1], { dim: -1 }).to({ dtype: "int32" });
}
