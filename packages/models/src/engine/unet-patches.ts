/** A U-Net of this package behind the segmenter's `PatchNetwork`. */
import type { PatchNetwork } from "@rfmedsam/segmenter";
import { type Device, noGrad, scope, type Tensor, tensorSharing } from "@rfmedsam/torch";
import { dimensionsOf } from "../unet/architecture.js";
import type { PlainConvUNet } from "../unet/plain-conv-unet.js";

export class TorchPatchNetwork implements PatchNetwork {
  readonly inputChannels: number;
  readonly classes: number;
  readonly #flat: boolean;

  constructor(
    readonly network: PlainConvUNet,
    readonly patch: PatchNetwork["patch"],
    readonly device: Device = "cpu",
  ) {
    this.inputChannels = network.architecture.inputChannels;
    this.classes = network.architecture.classes;
    this.#flat = dimensionsOf(network.architecture) === 2;
  }

  async predict(patches: Float32Array, count: number): Promise<Float32Array> {
    return this.predictMirrored(patches, count, [[]]);
  }

  /** One view after the other, so that no more memory is needed than for one; they meet where the network is. */
  async predictMirrored(
    patches: Float32Array,
    count: number,
    flips: readonly (readonly number[])[],
  ): Promise<Float32Array> {
    const extents = this.#flat ? this.patch.slice(1) : this.patch;
    // Axes of the patch as dimensions of a batch of them; a 2D network's patch is one slice thick, which mirrored is itself.
    const dimensionsFor = (axes: readonly number[]) =>
      axes.map((axis) => axis + 2 - (this.#flat ? 1 : 0)).filter((dimension) => dimension > 1);
    return noGrad(() =>
      scope(() => {
        const input = tensorSharing(patches, [count, this.inputChannels, ...extents]).to({ device: this.device });
        let sum: Tensor | undefined;
        for (const axes of flips) {
          const dims = dimensionsFor(axes);
          const turned = (x: Tensor) => (dims.length === 0 ? x : x.flip(dims));
          const logits = scope(() => turned(this.network.forward(turned(input))));
          if (sum === undefined) {
            sum = logits;
            continue;
          }
          sum.add_(logits);
          logits.free();
        }
        return sum!.toFloat32Array();
      }),
    );
  }
}
