/**
 * A case as a refiner sees it: prepared, slices rendered into the square input, the truth in the same pixels, and answers back on the
 * case's own grid.
 *
 * Official weights have no preparation of their own: the case is turned to RAS, its intensities are windowed by percentiles.
 */
import { type LabelVolume, type Triple, voxelCount } from "@rfmedsam/imaging";
import {
  extractSlice,
  fitInto,
  fitOut,
  LabelRestorer,
  type PreparedCase,
  type PreprocessingRecipe,
  placeSlice,
  prepareCase,
  prepareLabels,
  type RefinerManifest,
  renderSlice,
  type SliceAnswer,
  type SliceAxis,
  type SliceFrame,
  type SliceSource,
  sliceFrame,
} from "@rfmedsam/segmenter";
import type { LoadedCase } from "../../dataset/load.js";

/** How a refiner looks at cases. */
export interface RefinerView extends Pick<RefinerManifest, "slices" | "channel"> {
  readonly preprocessing: PreprocessingRecipe;
  readonly axis: SliceAxis;
  /** Side of the input. */
  readonly imageSize: number;
}

/** @param channels how many a case has; the first is shown */
export function officialView(channels: number, imageSize: number): RefinerView {
  return {
    preprocessing: {
      orientation: "RAS",
      spacing: null,
      cropToNonzero: false,
      normalisation: Array.from({ length: channels }, () => ({ kind: "zscore" as const, insideNonzero: false })),
      window: { kind: "percentiles", low: 0.5, high: 99.5 },
    },
    slices: "repeat",
    channel: 0,
    axis: "axial",
    imageSize,
  };
}

export class CaseView {
  readonly slices: SliceSource;
  readonly #prepared: PreparedCase;
  readonly #frame: SliceFrame;
  readonly #truth: Uint8Array;

  constructor({ channels, labels }: LoadedCase, { preprocessing, slices, channel, axis, imageSize }: RefinerView) {
    const prepared = prepareCase(channels, preprocessing);
    const frame = sliceFrame(prepared.shape, prepared.spacing, axis, imageSize);
    this.#prepared = prepared;
    this.#frame = frame;
    this.#truth = prepareLabels(labels, prepared);
    this.slices = {
      count: frame.count,
      height: imageSize,
      width: imageSize,
      render(slice) {
        const out = new Float32Array(3 * imageSize ** 2);
        renderSlice(prepared, frame, slice, { colours: slices, channel }, out);
        return out;
      },
    };
  }

  get shape(): Triple {
    return this.#prepared.shape;
  }

  /** The true mask of a label on every slice that shows it, in pixels of the input: at least half covered. @returns `[S, S]` by slice */
  truthOf(value: number): ReadonlyMap<number, Uint8Array> {
    const frame = this.#frame;
    const labels = new Uint8Array(frame.height * frame.width);
    const found = new Map<number, Uint8Array>();
    for (let slice = 0; slice < frame.count; slice++) {
      extractSlice(this.#truth, this.shape, frame.axis, slice, labels);
      if (!labels.includes(value)) continue;
      const share = Float32Array.from(labels, (label) => (label === value ? 1 : 0));
      const mask = Uint8Array.from(fitInto(share, frame, frame.imageSize, 0), (covered) => (covered >= 0.5 ? 1 : 0));
      if (mask.includes(1)) found.set(slice, mask);
    }
    return found;
  }

  /**
   * From answers to labels: one object after the other, the surest one keeps a voxel.
   *
   * @param values label values of the objects, in their order
   * @param follow the answers of one object, slice by slice
   */
  async labelsOf(
    values: readonly number[],
    follow: (value: number, take: (answer: SliceAnswer) => void) => Promise<void>,
  ): Promise<LabelVolume> {
    const restorer = new LabelRestorer(this.#prepared.restore);
    restorer.add(new Float32Array(voxelCount(this.shape)).fill(0.5));
    for (const value of values) {
      const probability = new Float32Array(voxelCount(this.shape));
      await follow(value, ({ slice, logits }) => {
        const own = fitOut(logits, this.#frame, this.#frame.imageSize).map((logit) => 1 / (1 + Math.exp(-logit)));
        placeSlice(own, probability, this.shape, this.#frame.axis, slice);
      });
      restorer.add(probability);
    }
    return restorer.finish([0, ...values]);
  }
}
