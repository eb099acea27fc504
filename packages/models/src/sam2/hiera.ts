/**
 * Hiera (Ryali et al. 2023) as SAM 2 uses it: a transformer over image patches whose stages halve the resolution and double the width.
 *
 *   image ──► patch embed ──► + position ──► block ── … ──► block ──► stage 0
 *                                              └─ pool queries ─► block … ──► stage 1 … 3
 *
 * Attention runs within windows except in a few blocks that see the whole map; at a stage change the queries are pooled, so the block
 * itself does the down-sampling. The first block of a stage still uses the previous stage's window. Windows that do not divide the map are
 * padded with zeros that take part in attention.
 */
import { checkpointed, F, nn, scope, type Tensor, zeros } from "@rfmedsam/torch";
import type { DWConvAdapter } from "../adapters/dwconv-adapter.js";
import { channelsFirst, channelsLast } from "../layout.js";
import type { HieraConfig } from "./config.js";
import { DropPath, Mlp } from "./mlp.js";
import type { Grid } from "./position.js";
import { joinWindows, splitWindows } from "./windows.js";

/** Overlapping patches become tokens: `[B, 3, H, W]` → `[B, H / stride, W / stride, C]`. */
export class PatchEmbed extends nn.Module {
  readonly proj: nn.Conv2d;

  constructor(channels: number, { kernel, stride, padding }: HieraConfig["patchEmbed"]) {
    super();
    this.proj = new nn.Conv2d(3, channels, { kernel, stride, padding });
  }

  forward(image: Tensor): Tensor {
    return channelsLast(this.proj.forward(image));
  }
}

function maxPool(x: Tensor, stride: Grid): Tensor {
  return channelsLast(channelsFirst(x).maxPool2d(stride, { stride }));
}

/** Self-attention over a map of tokens; with `pool` the queries, and so the output, have fewer rows and columns. */
export class MultiScaleAttention extends nn.Module {
  readonly qkv: nn.Linear;
  readonly proj: nn.Linear;

  constructor(
    dim: number,
    readonly dimOut: number,
    readonly heads: number,
    readonly pool: Grid | undefined,
  ) {
    super();
    this.qkv = new nn.Linear(dim, 3 * dimOut);
    this.proj = new nn.Linear(dimOut, dimOut);
  }

  /** @param x `[B, H, W, dim]` @returns `[B, H / pool, W / pool, dimOut]` */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const [batch, height, width] = x.shape as [number, number, number, number];
      const perHead = this.dimOut / this.heads;
      const projected = this.qkv.forward(x).reshape([batch, height * width, 3, this.heads, perHead]);
      let [q, k, v] = projected.unbind({ dim: 2 }) as [Tensor, Tensor, Tensor];
      let grid: Grid = [height, width];
      if (this.pool !== undefined) {
        const pooled = maxPool(q.reshape([batch, height, width, this.dimOut]), this.pool);
        grid = [pooled.shape[1]!, pooled.shape[2]!];
        q = pooled.reshape([batch, grid[0] * grid[1], this.heads, perHead]);
      }
      [q, k, v] = [q.transpose(1, 2), k.transpose(1, 2), v.transpose(1, 2)];
      const attended = F.scaledDotProductAttention(q, k, v).transpose(1, 2);
      return this.proj.forward(attended.reshape([batch, ...grid, this.dimOut]));
    });
  }
}

interface BlockShape {
  readonly dim: number;
  readonly dimOut: number;
  readonly heads: number;
  /** Side of the attention windows in tokens; 0 means the whole map. */
  readonly window: number;
  readonly pool: Grid | undefined;
  readonly mlpRatio: number;
  readonly dropPath: number;
  readonly normEps: number;
}

/** One block of the trunk: windowed attention, then an MLP, each on a residual branch. */
export class MultiScaleBlock extends nn.Module {
  readonly norm1: nn.LayerNorm;
  readonly attn: MultiScaleAttention;
  readonly norm2: nn.LayerNorm;
  readonly mlp: Mlp;
  /** Widens the shortcut where the block widens; absent elsewhere. */
  readonly proj: nn.Linear | undefined;
  readonly dropPath: DropPath;
  /** After the attention, on the whole map, so that it sees across window borders. */
  adapter: DWConvAdapter | undefined;

  constructor(readonly layout: BlockShape) {
    super();
    const { dim, dimOut, heads, pool, normEps, mlpRatio } = layout;
    this.norm1 = new nn.LayerNorm(dim, { eps: normEps });
    this.attn = new MultiScaleAttention(dim, dimOut, heads, pool);
    this.norm2 = new nn.LayerNorm(dimOut, { eps: normEps });
    this.mlp = new Mlp([dimOut, Math.floor(dimOut * mlpRatio), dimOut], { activation: "gelu" });
    this.proj = dim === dimOut ? undefined : new nn.Linear(dim, dimOut);
    this.dropPath = new DropPath(layout.dropPath);
  }

  /** @param x `[B, H, W, dim]` @returns `[B, H', W', dimOut]`, smaller where queries are pooled */
  forward(x: Tensor): Tensor {
    return scope(() => {
      const mixed = this.#attended(x);
      const refined = this.dropPath.forward(this.mlp.forward(this.norm2.forward(mixed)));
      return refined.requiresGrad ? mixed.add(refined) : refined.add_(mixed);
    });
  }

  /** The first residual branch. In a scope of its own: what it needs is gone before the MLP needs the most. */
  #attended(x: Tensor): Tensor {
    return scope(() => {
      const { window, pool } = this.layout;
      const normed = this.norm1.forward(x);
      const widened = this.proj === undefined ? x : this.proj.forward(normed);
      const shortcut = pool === undefined ? widened : maxPool(widened, pool);
      let attended: Tensor;
      if (window > 0) {
        const { windows, count } = splitWindows(normed, window);
        attended = joinWindows(this.attn.forward(windows), count, [shortcut.shape[1]!, shortcut.shape[2]!]);
      } else {
        attended = this.attn.forward(normed);
      }
      if (this.adapter !== undefined) attended = this.adapter.forward(attended);
      return shortcut.add(this.dropPath.forward(attended));
    });
  }
}

/** The trunk. Output `i` is stage `i`, from high to low resolution. */
export class Hiera extends nn.Module {
  readonly posEmbed: nn.Parameter;
  readonly posEmbedWindow: nn.Parameter;
  readonly patchEmbed: PatchEmbed;
  readonly blocks: nn.ModuleList<MultiScaleBlock>;
  /** Channels of the stages, from high to low resolution. */
  readonly channels: readonly number[];
  /** While gradients are recorded, keep only what goes into a block and compute the block anew on the way back. */
  checkpointing = false;
  readonly #stageEnds: ReadonlySet<number>;

  constructor(config: HieraConfig) {
    super();
    const shapes = blockShapes(config);
    const side = config.windowSpec[0]!;
    this.posEmbed = new nn.Parameter(zeros([1, config.embedDim, ...config.windowPosEmbedBkgSpatialSize]));
    this.posEmbedWindow = new nn.Parameter(zeros([1, config.embedDim, side, side]));
    this.patchEmbed = new PatchEmbed(config.embedDim, config.patchEmbed);
    this.blocks = new nn.ModuleList(shapes.map((shape) => new MultiScaleBlock(shape)));
    const ends = stageEnds(config.stages);
    this.channels = ends.map((end) => shapes[end]!.dimOut);
    this.#stageEnds = new Set(ends);
  }

  /** @param image `[B, 3, H, W]`, normalised @returns stage outputs `[B, C, h, w]`, from high to low resolution */
  forward(image: Tensor): Tensor[] {
    let x = scope(() => {
      const patches = this.patchEmbed.forward(image);
      return patches.add(this.positions([patches.shape[1]!, patches.shape[2]!]));
    });
    const outputs: Tensor[] = [];
    for (const [index, block] of [...this.blocks].entries()) {
      const before = x;
      x = this.checkpointing ? checkpointed((y) => block.forward(y), before) : block.forward(before);
      before.free(); // as soon as it is not needed: a large model's blocks together would fill the memory
      if (this.#stageEnds.has(index)) outputs.push(channelsFirst(x));
    }
    return outputs;
  }

  /**
   * Position embedding of the patches (Bolya et al. 2023): a coarse one over the whole image, enlarged, plus one that repeats
   * with the windows. @returns `[1, h, w, C]`
   */
  positions([height, width]: Grid): Tensor {
    return scope(() => {
      const whole = F.interpolate(this.posEmbed, { size: [height, width], mode: "bicubic" });
      const side = this.posEmbedWindow.shape[2]!;
      const repeats = [1, 1, Math.ceil(height / side), Math.ceil(width / side)];
      const tiled = this.posEmbedWindow.tile(repeats).narrow(2, 0, height).narrow(3, 0, width);
      return channelsLast(whole.add(tiled));
    });
  }
}

/** Index of the last block of every stage. */
function stageEnds(stages: readonly number[]): number[] {
  return stages.map((_, stage) => sum(stages.slice(0, stage + 1)) - 1);
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Widths, heads, windows and pooling of all blocks; a stage's first block changes width but keeps the window of the stage before. */
function blockShapes(config: HieraConfig): BlockShape[] {
  const { stages, windowSpec, globalAttBlocks, qPool, qStride, dimMul, headMul, mlpRatio, normEps } = config;
  const depth = sum(stages);
  const shapes: BlockShape[] = [];
  let dim = config.embedDim;
  let heads = config.numHeads;
  stages.forEach((blocks, stage) => {
    for (let block = 0; block < blocks; block++) {
      const index = shapes.length;
      const changes = block === 0 && stage > 0;
      const dimOut = changes ? Math.floor(dim * dimMul) : dim;
      if (changes) heads = Math.floor(heads * headMul);
      shapes.push({
        dim,
        dimOut,
        heads,
        window: globalAttBlocks.includes(index) ? 0 : windowSpec[changes ? stage - 1 : stage]!,
        pool: changes && stage <= qPool ? qStride : undefined,
        mlpRatio,
        dropPath: depth === 1 ? 0 : (config.dropPathRate * index) / (depth - 1),
        normEps,
      });
      dim = dimOut;
    }
  });
  return shapes;
}
