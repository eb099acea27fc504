/**
 * Memory encoder: a frame's image features and its mask become one spatial memory.
 *
 *   mask ──► conv, norm, GELU (×4, stride 2) ──► 1×1 ─┐
 *   image features ──► 1×1 ───────────────────────────+──► ConvNeXt blocks ──► 1×1 ──► memory
 */

import { ConfigError } from "@rfmedsam/base";
import { full, nn, scope, type Tensor } from "@rfmedsam/torch";
import type { CnnAdapter } from "../adapters/cnn-adapter.js";
import { channelsFirst, channelsLast } from "../layout.js";
import type { MemoryEncoderConfig } from "./config.js";
import { DropPath } from "./mlp.js";
import { SinePosition } from "./position.js";

/** Brings a mask to the image embedding's resolution; channels grow as pixels shrink. */
export class MaskDownSampler extends nn.Module {
  readonly encoder: nn.Sequential;

  constructor(width: number, { kernelSize, stride, padding, totalStride }: MemoryEncoderConfig["maskDownsampler"]) {
    super();
    const steps = Math.round(Math.log(totalStride) / Math.log(stride));
    if (stride ** steps !== totalStride) {
      throw new ConfigError({
        found: `maskDownsampler.totalStride ${totalStride}`,
        expected: `a power of its stride ${stride}`,
      });
    }
    const layers = Array.from({ length: steps }, (_, step) => {
      const [from, to] = [stride ** (2 * step), stride ** (2 * step + 2)];
      return [new nn.Conv2d(from, to, { kernel: kernelSize, stride, padding }), new nn.LayerNorm2d(to), new nn.GELU()];
    });
    this.encoder = new nn.Sequential(...layers.flat(), new nn.Conv2d(stride ** (2 * steps), width, { kernel: 1 }));
  }

  /** @param mask `[B, 1, H, W]` @returns `[B, C, H / totalStride, W / totalStride]` */
  forward(mask: Tensor): Tensor {
    return scope(() => this.encoder.forward(mask));
  }
}

/** ConvNeXt block (Liu et al. 2022): depth-wise convolution, then an MLP per pixel, scaled by a learned gain. */
export class CXBlock extends nn.Module {
  readonly gamma: nn.Parameter | undefined;
  readonly dwconv: nn.Conv2d;
  readonly norm: nn.LayerNorm2d;
  readonly pwconv1: nn.Linear;
  readonly pwconv2: nn.Linear;
  readonly dropPath: DropPath;

  constructor(width: number, config: MemoryEncoderConfig["fuser"], dropPath = 0) {
    super();
    const { kernelSize: kernel, padding, useDwconv, layerScaleInitValue } = config;
    this.gamma = layerScaleInitValue > 0 ? new nn.Parameter(full([width], layerScaleInitValue)) : undefined;
    this.dwconv = new nn.Conv2d(width, width, { kernel, padding, groups: useDwconv ? width : 1 });
    this.norm = new nn.LayerNorm2d(width);
    this.pwconv1 = new nn.Linear(width, 4 * width);
    this.pwconv2 = new nn.Linear(4 * width, width);
    this.dropPath = new DropPath(dropPath);
  }

  forward(x: Tensor): Tensor {
    return scope(() => {
      const mixed = channelsLast(this.norm.forward(this.dwconv.forward(x)));
      const refined = this.pwconv2.forward(this.pwconv1.forward(mixed).gelu());
      const scaled = this.gamma === undefined ? refined : this.gamma.mul(refined);
      return x.add(this.dropPath.forward(channelsFirst(scaled)));
    });
  }
}

/** A stack of ConvNeXt blocks. */
export class Fuser extends nn.Module {
  readonly layers: nn.ModuleList<CXBlock>;

  constructor(width: number, config: MemoryEncoderConfig["fuser"]) {
    super();
    this.layers = new nn.ModuleList(Array.from({ length: config.numLayers }, () => new CXBlock(width, config)));
  }

  forward(x: Tensor): Tensor {
    return [...this.layers].reduce((y, layer) => layer.forward(y), x);
  }
}

export class MemoryEncoder extends nn.Module {
  readonly maskDownsampler: MaskDownSampler;
  readonly pixFeatProj: nn.Conv2d;
  /** After the projection of the image features. */
  adapter: CnnAdapter | undefined;
  readonly fuser: Fuser;
  /** Absent when memories are as wide as the model. */
  readonly outProj: nn.Conv2d | undefined;
  /** Encoding of a memory's grid. */
  readonly position: SinePosition;

  constructor(
    readonly width: number,
    config: MemoryEncoderConfig,
  ) {
    super();
    this.maskDownsampler = new MaskDownSampler(width, config.maskDownsampler);
    this.pixFeatProj = new nn.Conv2d(width, width, { kernel: 1 });
    this.fuser = new Fuser(width, config.fuser);
    this.outProj = config.outDim === width ? undefined : new nn.Conv2d(width, config.outDim, { kernel: 1 });
    this.position = new SinePosition(config.outDim, config.positionEncoding);
  }

  /**
   * @param image `[B or 1, C, h, w]` without memory mixed in
   * @param mask `[B, 1, 16h, 16w]`, logits, or already scaled as `skipSigmoid` says
   * @returns `[B, memory width, h, w]`
   */
  forward(image: Tensor, mask: Tensor, { skipSigmoid = false }: { readonly skipSigmoid?: boolean } = {}): Tensor {
    const small = this.maskDownsampler.forward(skipSigmoid ? mask : mask.sigmoid());
    const projected = this.pixFeatProj.forward(image);
    const adapted = this.adapter === undefined ? projected : this.adapter.forward(projected);
    const fused = this.fuser.forward(adapted.add(small));
    return this.outProj === undefined ? fused : this.outProj.forward(fused);
  }
}
