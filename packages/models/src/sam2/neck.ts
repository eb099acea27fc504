/**
 * Feature pyramid neck: brings the trunk's stages to one width; coarse levels listed as top-down also receive the level below.
 *
 *   stage 3 ──► 1×1 ─────────────► level 3
 *                    └─ enlarge ─┐
 *   stage 2 ──► 1×1 ─────────────+► level 2          (levels 0 and 1 stay lateral: they only sharpen the decoder's borders)
 *
 * and the image encoder, trunk and neck together, which drops the lowest levels (`scalp`).
 */
import { F, nn, type Tensor } from "@rfmedsam/torch";
import type { CnnAdapter } from "../adapters/cnn-adapter.js";
import type { NeckConfig, Sam2Config } from "./config.js";
import { Hiera } from "./hiera.js";
import { SinePosition } from "./position.js";

/** The lateral convolution of one level. */
export class FpnLateral extends nn.Module {
  readonly conv: nn.Conv2d;
  adapter: CnnAdapter | undefined;

  constructor(
    channels: number,
    readonly width: number,
    kernel: number,
  ) {
    super();
    this.conv = new nn.Conv2d(channels, width, { kernel });
  }

  forward(x: Tensor): Tensor {
    const y = this.conv.forward(x);
    return this.adapter === undefined ? y : this.adapter.forward(y);
  }
}

export class FpnNeck extends nn.Module {
  /** One per level, from low to high resolution: the official order. */
  readonly convs: nn.ModuleList<FpnLateral>;
  readonly #config: NeckConfig;

  /** @param channels channels of the trunk's stages, from high to low resolution */
  constructor(channels: readonly number[], config: NeckConfig) {
    super();
    const { dModel, kernelSize } = config;
    this.convs = new nn.ModuleList([...channels].reverse().map((from) => new FpnLateral(from, dModel, kernelSize)));
    this.#config = config;
  }

  /** @param stages `[B, C, h, w]` from high to low resolution @returns as many levels `[B, dModel, h, w]` in the same order */
  forward(stages: readonly Tensor[]): Tensor[] {
    const levels: Tensor[] = [];
    let below: Tensor | undefined;
    for (let level = stages.length - 1; level >= 0; level--) {
      const lateral = this.convs.at(stages.length - 1 - level).forward(stages[level]!);
      below =
        below !== undefined && this.#config.fpnTopDownLevels.includes(level) ? this.#fuse(lateral, below) : lateral;
      levels.unshift(below);
    }
    return levels;
  }

  #fuse(lateral: Tensor, below: Tensor): Tensor {
    const size = lateral.shape.slice(-2);
    const mode = this.#config.fpnInterpModel;
    // in float32 also under autocast, as the reference does
    const enlarged = F.interpolate(below.float(), { size, mode });
    const sum = lateral.add(enlarged);
    return this.#config.fuseType === "avg" ? sum.div(2) : sum;
  }
}

/** Image to feature levels. */
export class ImageEncoder extends nn.Module {
  readonly trunk: Hiera;
  readonly neck: FpnNeck;
  /** Encoding of the levels' grids; computed only for levels that somebody asks for. */
  readonly position: SinePosition;
  readonly #scalp: number;

  constructor(config: Sam2Config["imageEncoder"]) {
    super();
    this.trunk = new Hiera(config.trunk);
    this.neck = new FpnNeck(this.trunk.channels, config.neck);
    this.position = new SinePosition(config.neck.dModel, config.neck.positionEncoding);
    this.#scalp = config.scalp;
  }

  /** @param image `[B, 3, H, W]`, normalised @returns levels `[B, dModel, h, w]` from high to low resolution, the lowest ones dropped */
  forward(image: Tensor): Tensor[] {
    const levels = this.neck.forward(this.trunk.forward(image));
    return levels.slice(0, levels.length - this.#scalp);
  }
}
