/**
 * SAM's prompt encoder: points and boxes become sparse tokens (place + what kind of point), a mask becomes a dense map that is added
 * to the image embedding. Coordinates are (x, y) pixels of the model's input image; a pixel's centre lies at +0.5.
 */
import { F, nn, type Tensor, zeros } from "@rfmedsam/torch";
import { type Grid, RandomPosition } from "./position.js";

/** What a point says. Padding evens out batches of objects with different numbers of points. */
export const pointLabel = { padding: -1, background: 0, foreground: 1, boxTopLeft: 2, boxBottomRight: 3 } as const;

export interface Points {
  /** `[B, N, 2]`, (x, y) in pixels */
  readonly coords: Tensor;
  /** `[B, N]`, values of {@link pointLabel} */
  readonly labels: Tensor;
}

export interface PromptTensors {
  readonly points?: Points | undefined;
  /** `[B, 4]`: x0, y0, x1, y1 in pixels */
  readonly boxes?: Tensor | undefined;
  /** `[B, 1, 4h, 4w]` mask logits, h × w being the image embedding's grid */
  readonly masks?: Tensor | undefined;
}

export class PromptEncoder extends nn.Module {
  readonly peLayer: RandomPosition;
  /** One vector per label from 0 (background) to 3 (bottom right corner). */
  readonly pointEmbeddings: nn.ModuleList<nn.Embedding>;
  readonly notAPointEmbed: nn.Embedding;
  readonly maskDownscaling: nn.Sequential;
  readonly noMaskEmbed: nn.Embedding;

  /** @param grid size of the image embedding @param imageSize size of the input image in pixels, `[height, width]` */
  constructor(
    readonly width: number,
    readonly grid: Grid,
    readonly imageSize: Grid,
    maskChannels: number,
  ) {
    super();
    this.peLayer = new RandomPosition(width / 2);
    this.pointEmbeddings = new nn.ModuleList(Array.from({ length: 4 }, () => new nn.Embedding(1, width)));
    this.notAPointEmbed = new nn.Embedding(1, width);
    this.maskDownscaling = new nn.Sequential(
      new nn.Conv2d(1, maskChannels / 4, { kernel: 2, stride: 2 }),
      new nn.LayerNorm2d(maskChannels / 4),
      new nn.GELU(),
      new nn.Conv2d(maskChannels / 4, maskChannels, { kernel: 2, stride: 2 }),
      new nn.LayerNorm2d(maskChannels),
      new nn.GELU(),
      new nn.Conv2d(maskChannels, width, { kernel: 1 }),
    );
    this.noMaskEmbed = new nn.Embedding(1, width);
  }

  /** Height and width of the mask prompt. */
  get maskSize(): Grid {
    return [4 * this.grid[0], 4 * this.grid[1]];
  }

  /** Encoding of the image embedding's grid in the points' own terms, `[1, C, h, w]`. */
  densePosition(): Tensor {
    return this.peLayer.dense(this.grid);
  }

  /**
   * @returns sparse tokens `[B, N, C]` (N = 0 without points and boxes; points without a box gain one padding point) and a dense
   *   map `[B, C, h, w]`
   */
  forward({ points, boxes, masks }: PromptTensors): { sparse: Tensor; dense: Tensor } {
    const batch = (points?.coords ?? boxes ?? masks)?.shape[0] ?? 1;
    const tokens: Tensor[] = [];
    if (points !== undefined) {
      tokens.push(boxes === undefined ? this.#embedPoints(withPadding(points)) : this.#embedPoints(points));
    }
    if (boxes !== undefined) tokens.push(this.#embedPoints(cornersOf(boxes)));
    const like = this.noMaskEmbed.weight;
    return {
      sparse:
        tokens.length > 0
          ? F.cat(tokens, { dim: 1 })
          : zeros([batch, 0, this.width], { dtype: like.dtype, device: like.device }),
      dense:
        masks === undefined
          ? like.reshape([1, this.width, 1, 1]).expand([batch, this.width, ...this.grid])
          : this.maskDownscaling.forward(masks),
    };
  }

  #embedPoints({ coords, labels }: Points): Tensor {
    const [height, width] = this.imageSize;
    const [x, y] = coords.add(0.5).unbind({ dim: -1 }) as [Tensor, Tensor];
    const places = this.peLayer.forward(F.stack([x.div(width), y.div(height)], { dim: -1 }));
    const kinds = F.cat([this.notAPointEmbed.weight, ...[...this.pointEmbeddings].map((label) => label.weight)]);
    const kind = labels.to({ dtype: "int64" });
    // a padding point has no place
    const isPoint = kind.ge(0).unsqueeze(-1).to({ dtype: places.dtype });
    return places.mul(isPoint).add(F.embedding(kinds, kind.add(1)));
  }
}

function withPadding({ coords, labels }: Points): Points {
  const batch = coords.shape[0]!;
  const place = zeros([batch, 1, 2], { dtype: coords.dtype, device: coords.device });
  const label = zeros([batch, 1], { dtype: labels.dtype, device: labels.device }).add(pointLabel.padding);
  return { coords: F.cat([coords, place], { dim: 1 }), labels: F.cat([labels, label], { dim: 1 }) };
}

function cornersOf(boxes: Tensor): Points {
  const batch = boxes.shape[0]!;
  const corner = (label: number) => zeros([batch, 1], { dtype: "int64", device: boxes.device }).add(label);
  return {
    coords: boxes.reshape([batch, 2, 2]),
    labels: F.cat([corner(pointLabel.boxTopLeft), corner(pointLabel.boxBottomRight)], { dim: 1 }),
  };
}
