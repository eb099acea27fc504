/**
 * nnU-Net's plain convolutional U-Net in two and three dimensions.
 *
 *   x ─► stage 0 ──────────────────────────── skip ─► cat ─► stage ─► logits (full size)
 *          └─► stage 1 (stride) ──────── skip ─► cat ─► stage ─┘ └──► logits (½)        deep supervision
 *                └─► … ─► bottleneck ─► transposed conv ─┘
 *
 * A stage is a stack of conv → instance norm → leaky ReLU; the first conv of a stage carries the stride. Parameter names are those
 * of nnU-Net's `PlainConvUNet` (Isensee et al., Nature Methods 2021; package dynamic-network-architectures).
 */
import { F, Layer, ModuleList, nn, Sequential, type Tensor } from "@rfmedsam/torch";
import { assertTwoStages, type UNetArchitecture } from "./architecture.js";

type Extents = readonly number[];

const negativeSlope = 0.01;
const init = (x: Tensor) => (x.ndim > 1 ? nn.init.kaimingNormal(negativeSlope)(x) : nn.init.zeros(x));

function convolution(inputs: number, outputs: number, kernel: Extents, stride: Extents): Layer {
  const options = { kernel, stride, padding: kernel.map((extent) => (extent - 1) / 2), init };
  return kernel.length === 2 ? new nn.Conv2d(inputs, outputs, options) : new nn.Conv3d(inputs, outputs, options);
}

/** conv → instance norm → leaky ReLU */
export class ConvNormActivation extends Layer {
  readonly conv: Layer;
  readonly norm: nn.InstanceNorm;

  constructor(inputs: number, outputs: number, kernel: Extents, stride: Extents) {
    super();
    this.conv = convolution(inputs, outputs, kernel, stride);
    this.norm = new nn.InstanceNorm(outputs);
  }

  forward(x: Tensor): Tensor {
    const normed =
      x.device === "cpu"
        ? eachByItself(this.conv.forward(channelsLast(x)), this.norm)
        : this.norm.forward(this.conv.forward(x));
    return normed.leakyRelu_({ negativeSlope });
  }
}

/** With a voxel's channels beside each other in memory a processor trains a fifth faster (docs/decisions/004); nothing else changes. */
function channelsLast(x: Tensor): Tensor {
  return x.movedim(1, -1).contiguous().movedim(-1, 1);
}

/** Instance norm as a batch norm of each image by itself: libtorch's own instance norm would bring the channels first again. */
function eachByItself(x: Tensor, { weight, bias, eps }: nn.InstanceNorm): Tensor {
  const images = x.split(1).map((image) => F.batchNorm(image, weight, bias, null, null, true, 0.1, eps, false));
  return images.length === 1 ? images[0]! : F.cat(images);
}

/** One resolution: several blocks, the first of which may shrink. */
export class StackedConvBlocks extends Layer {
  readonly convs: Sequential;

  constructor(count: number, inputs: number, outputs: number, kernel: Extents, stride: Extents) {
    super();
    const once = stride.map(() => 1);
    this.convs = new Sequential(
      ...Array.from({ length: count }, (_, i) =>
        i === 0
          ? new ConvNormActivation(inputs, outputs, kernel, stride)
          : new ConvNormActivation(outputs, outputs, kernel, once),
      ),
    );
  }

  forward(x: Tensor): Tensor {
    return this.convs.forward(x);
  }
}

export class Encoder extends nn.Module {
  readonly stages: ModuleList<Sequential>;

  constructor({ inputChannels, features, kernels, strides, convsPerStage }: UNetArchitecture) {
    super();
    this.stages = new ModuleList(
      features.map((width, i) => {
        const inputs = i === 0 ? inputChannels : features[i - 1]!;
        return new Sequential(new StackedConvBlocks(convsPerStage, inputs, width, kernels[i]!, strides[i]!));
      }),
    );
  }

  /** @returns every stage's output, largest first */
  forward(x: Tensor): Tensor[] {
    const outputs: Tensor[] = [];
    for (const stage of this.stages) outputs.push(stage.forward(outputs.at(-1) ?? x));
    return outputs;
  }
}

export class Decoder extends nn.Module {
  readonly transpconvs: ModuleList<Layer>;
  readonly stages: ModuleList<StackedConvBlocks>;
  readonly segLayers: ModuleList<Layer>;

  constructor({ classes, features, kernels, strides, convsPerStage }: UNetArchitecture) {
    super();
    const levels = features
      .map((_, i) => i)
      .slice(0, -1)
      .reverse();
    const once = strides[0]!.map(() => 1);
    this.transpconvs = new ModuleList(levels.map((i) => transposed(features[i + 1]!, features[i]!, strides[i + 1]!)));
    this.stages = new ModuleList(
      levels.map((i) => new StackedConvBlocks(convsPerStage, 2 * features[i]!, features[i]!, kernels[i]!, once)),
    );
    this.segLayers = new ModuleList(levels.map((i) => convolution(features[i]!, classes, once, once)));
  }

  /** @param skips the encoder's outputs @param all logits of every resolution, or only the full one @returns largest first */
  forward(skips: readonly Tensor[], all: boolean): Tensor[] {
    let x = skips.at(-1)!;
    const logits: Tensor[] = [];
    for (const [level, stage] of [...this.stages].entries()) {
      const larger = this.transpconvs.at(level).forward(x);
      x = stage.forward(F.cat([larger, skips.at(-2 - level)!], { dim: 1 }));
      if (all || level === this.stages.length - 1) logits.unshift(this.segLayers.at(level).forward(x));
    }
    return logits;
  }
}

function transposed(inputs: number, outputs: number, stride: Extents): Layer {
  const options = { kernel: stride, stride, init };
  return stride.length === 2
    ? new nn.ConvTranspose2d(inputs, outputs, options)
    : new nn.ConvTranspose3d(inputs, outputs, options);
}

export class PlainConvUNet extends nn.Module {
  readonly encoder: Encoder;
  readonly decoder: Decoder;

  /** @throws ConfigError when there are fewer than two stages */
  constructor(readonly architecture: UNetArchitecture) {
    super();
    assertTwoStages(architecture);
    this.encoder = new Encoder(architecture);
    this.decoder = new Decoder(architecture);
  }

  /** @param x `[B, C, (D,) H, W]`, extents divisible by the product of the strides @returns logits `[B, classes, (D,) H, W]` */
  forward(x: Tensor): Tensor {
    return this.decoder.forward(this.encoder.forward(x), false)[0]!;
  }

  /** Logits of all resolutions, largest first, for deep supervision. */
  forwardAll(x: Tensor): Tensor[] {
    return this.decoder.forward(this.encoder.forward(x), true);
  }
}
