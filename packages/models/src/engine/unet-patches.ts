/** A U-Net of this package behind the segmenter's `PatchNetwork`. */
import type { PatchNetwork } from "@rfmedsam/segmenter";
import { type Device, noGrad, scope, tensorSharing } from "@rfmedsam/torch";
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
    return noGrad(() =>
      scope(() => {
        const shape = [count, this.inputChannels, ...(this.#flat ? this.patch.slice(1) : this.patch)];
        const input = tensorSharing(patches, shape).to({ device: this.device });
        return this.network.forward(input).toFloat32Array();
      }),
    );
  }
}
