/**
 * Weights of a SAM trained at one image size, for a model of another: the two kinds of tables whose length is the image's are resized.
 *
 *   image_encoder.pos_embed                      [1, h, w, C]   bilinearly, to the model's grid of tokens
 *   rel_pos_h, rel_pos_w of the global blocks    [2·h - 1, C]   linearly, to the model's distances
 *
 * Source: the loader of SAM-Med2D, which starts from plain SAM's weights (1024 × 1024) at 256 × 256.
 */
import { F, noGrad, scope, type Tensor } from "@rfmedsam/torch";
import { channelsFirst, channelsLast } from "../layout.js";
import { resizedTable } from "./relative-position.js";
import type { Sam } from "./sam.js";

export interface FitOptions {
  /**
   * Leaves the mask tokens, hyper-networks and IoU head as the model has them, whatever the weights say. SAM-Med2D's loader does it whenever
   * it resizes, so that these are learned anew.
   */
  readonly keepDecoderHeads?: boolean | undefined;
}

const positionEmbedding = "image_encoder.pos_embed";
const decoderHeads = ["mask_tokens", "output_hypernetworks_mlps", "iou_prediction_head"].map(
  (part) => `mask_decoder.${part}.`,
);

/**
 * @param state weights under the official names; what needs no change is passed on as it is (not copied), missing names stay missing
 * @param model whose image size counts, and whose decoder heads are kept if asked for
 * @returns weights for `model.loadStateDict`, which says what still does not fit
 */
export function fitToImageSize(
  state: ReadonlyMap<string, Tensor>,
  model: Sam,
  { keepDecoderHeads = false }: FitOptions = {},
): Map<string, Tensor> {
  const own = model.stateDict();
  const { globalAttnIndexes } = model.config.imageEncoder;
  const tables = new Set(
    globalAttnIndexes.flatMap((block) =>
      ["h", "w"].map((axis) => `image_encoder.blocks.${block}.attn.rel_pos_${axis}`),
    ),
  );
  return noGrad(() =>
    scope(() => {
      const fitted = new Map(state);
      for (const [name, value] of state) {
        const target = own.get(name);
        if (target === undefined) continue;
        if (name === positionEmbedding) fitted.set(name, resizedEmbedding(value, target));
        else if (tables.has(name)) fitted.set(name, resizedDistances(value, target));
      }
      if (!keepDecoderHeads) return fitted;
      for (const [name, value] of own) if (decoderHeads.some((head) => name.startsWith(head))) fitted.set(name, value);
      return fitted;
    }),
  );
}

/** What differs in more than the image size stays as it is: loading refuses it by name. */
function resizedEmbedding(value: Tensor, { shape }: Tensor): Tensor {
  const [, height, width, channels] = shape as [number, number, number, number];
  const [batch, rows, columns, from] = value.shape;
  const sameGrid = rows === height && columns === width;
  if (value.ndim !== 4 || batch !== 1 || from !== channels || sameGrid) return value;
  const size = [height, width];
  return channelsLast(F.interpolate(channelsFirst(value.float()), { size, mode: "bilinear" }));
}

function resizedDistances(value: Tensor, { shape }: Tensor): Tensor {
  const [distances, channels] = shape as [number, number];
  if (value.ndim !== 2 || value.shape[1] !== channels || value.shape[0] === distances) return value;
  return resizedTable(value.float(), distances);
}
