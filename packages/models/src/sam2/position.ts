/**
 * The four ways SAM 2 tells where something is:
 * - a sine encoding of a grid (image features and spatial memories), as in "Attention Is All You Need", in two dimensions;
 * - a sine encoding of a distance in time (object pointers);
 * - random Fourier features of a point (prompts; Tancik et al. 2020);
 * - axial rotary angles (queries and keys of memory attention; RoFormer, in two dimensions).
 * Tables are computed in double precision once per size and device and kept; the Fourier frequencies are a weight.
 */
import { F, nn, randn, scope, type Tensor, tensor } from "@rfmedsam/torch";
import type { SinePositionConfig } from "./config.js";
import { TableCache } from "./table-cache.js";

export type Grid = readonly [height: number, width: number];

/** Wavelength of the sine channel `index` of `channels`: neighbours share one, for sine and cosine. */
function wavelength(index: number, channels: number, temperature: number): number {
  return temperature ** ((2 * Math.floor(index / 2)) / channels);
}

/** Sine encoding of every cell of a grid: the first half of the channels says the row, the second the column. */
export class SinePosition {
  readonly #cache = new TableCache();

  constructor(
    readonly channels: number,
    readonly config: SinePositionConfig,
  ) {}

  /** @returns the encoding of a feature map's grid `[1, channels, H, W]`, on `like`'s device and in its type */
  forward(like: Tensor, grid: Grid = [like.shape.at(-2)!, like.shape.at(-1)!]): Tensor {
    return this.#cache.get(grid.join("×"), like, () => ({
      data: this.#table(grid),
      shape: [1, this.channels, ...grid],
    }));
  }

  #table([height, width]: Grid): Float32Array {
    const half = this.channels / 2;
    const { normalize, temperature } = this.config;
    const scale = this.config.scale ?? 2 * Math.PI;
    const angle = (index: number, length: number) => (normalize ? ((index + 1) / (length + 1e-6)) * scale : index + 1);
    const table = new Float32Array(this.channels * height * width);
    for (let channel = 0; channel < this.channels; channel++) {
      const along = channel % half;
      const wave = wavelength(along, half, temperature);
      const curve = along % 2 === 0 ? Math.sin : Math.cos;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) {
          const at = channel < half ? angle(y, height) : angle(x, width);
          table[(channel * height + y) * width + x] = curve(at / wave);
        }
      }
    }
    return table;
  }
}

/**
 * Sine encoding of positions on a line: sines in the first half of the channels, cosines in the second.
 * @returns `[positions.length, channels]` on `like`'s device and in its type
 */
export function sineOfDistances(positions: readonly number[], channels: number, like: Tensor): Tensor {
  const half = Math.floor(channels / 2);
  const table = new Float32Array(positions.length * 2 * half);
  positions.forEach((position, row) => {
    for (let index = 0; index < half; index++) {
      const angle = position / wavelength(index, half, 10000);
      table[row * 2 * half + index] = Math.sin(angle);
      table[row * 2 * half + half + index] = Math.cos(angle);
    }
  });
  return tensor(table, [positions.length, 2 * half]).to({ dtype: like.dtype, device: like.device });
}

/** Random Fourier features of points; the frequencies are drawn once and saved with the weights. */
export class RandomPosition extends nn.Module {
  readonly positionalEncodingGaussianMatrix: nn.Buffer;
  readonly #cells = new TableCache();

  constructor(halfChannels: number) {
    super();
    this.positionalEncodingGaussianMatrix = new nn.Buffer(randn([2, halfChannels]));
  }

  /**
   * @param points `[..., 2]` as (x, y), each axis scaled to 0…1
   * @returns `[..., 2 · halfChannels]`, sines first
   */
  forward(points: Tensor): Tensor {
    return scope(() => {
      const centred = points.mul(2).sub(1);
      const [forX, forY] = this.positionalEncodingGaussianMatrix.unbind() as [Tensor, Tensor];
      // two products instead of a matrix product, which autocast would round to bfloat16: a pixel is finer than that
      const [x, y] = centred.unbind({ dim: -1 }) as [Tensor, Tensor];
      const angle = x
        .unsqueeze(-1)
        .mul(forX)
        .add(y.unsqueeze(-1).mul(forY))
        .mul(2 * Math.PI);
      return F.cat([angle.sin(), angle.cos()], { dim: -1 });
    });
  }

  /** Encoding of the centres of all cells of a grid, `[1, C, H, W]`. */
  dense(grid: Grid): Tensor {
    return scope(() => {
      const cells = this.#cells.get(grid.join("×"), this.positionalEncodingGaussianMatrix, () => cellCentres(grid));
      return this.forward(cells).permute([2, 0, 1]).unsqueeze(0);
    });
  }
}

function cellCentres([height, width]: Grid) {
  const data = new Float32Array(height * width * 2);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      data[(y * width + x) * 2] = (x + 0.5) / width;
      data[(y * width + x) * 2 + 1] = (y + 0.5) / height;
    }
  }
  return { data, shape: [height, width, 2] };
}

/** Rotation of feature pairs by an angle that grows along x in the first half of the pairs and along y in the second. */
export class AxialRotary {
  readonly #cache = new TableCache();

  /** @param channels channels per head, a multiple of 4 */
  constructor(
    readonly channels: number,
    readonly theta: number,
  ) {}

  /** The rotation of every pair in every cell as a complex number, `[H·W, channels / 2]`. */
  table(grid: Grid, like: Tensor): Tensor {
    const shape = [grid[0] * grid[1], this.channels / 2, 2];
    return this.#cache.get(grid.join("×"), like, () => ({ data: this.#rotations(grid), shape })).viewAsComplex();
  }

  /**
   * Rotates tokens that run over the grid once or, for memories, several times.
   * @param x `[B, heads, R·H·W, channels]` @returns the same shape and type, rotated in float32
   */
  rotate(x: Tensor, grid: Grid): Tensor {
    return scope(() => {
      const [batch, heads, tokens, channels] = x.shape as [number, number, number, number];
      const cells = grid[0] * grid[1];
      const pairs = x
        .float()
        .reshape([batch, heads, tokens / cells, cells, channels / 2, 2])
        .contiguous();
      const rotated = pairs.viewAsComplex().mul(this.table(grid, pairs)).viewAsReal();
      return rotated.reshape([batch, heads, tokens, channels]).to({ dtype: x.dtype });
    });
  }

  #rotations(grid: Grid): Float64Array {
    const angles = this.#angles(grid);
    const out = new Float64Array(2 * angles.length);
    angles.forEach((angle, n) => {
      out[2 * n] = Math.cos(angle);
      out[2 * n + 1] = Math.sin(angle);
    });
    return out;
  }

  #angles([height, width]: Grid): Float64Array {
    const quarter = this.channels / 4;
    const angles = new Float64Array(height * width * 2 * quarter);
    for (let index = 0; index < quarter; index++) {
      const frequency = this.theta ** ((-4 * index) / this.channels);
      for (let cell = 0; cell < height * width; cell++) {
        angles[cell * 2 * quarter + index] = (cell % width) * frequency;
        angles[cell * 2 * quarter + quarter + index] = Math.floor(cell / width) * frequency;
      }
    }
    return angles;
  }
}
