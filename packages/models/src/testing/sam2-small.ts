/** A small SAM 2 with random weights and random inputs, for laws that need no reference. */
import { manualSeed, nn, rand, randn, setNumThreads, type Tensor, tensor, zeros } from "@rfmedsam/torch";
import type { Sam2ConfigInput } from "../sam2/config.js";
import { smallSam2Config } from "../sam2/official-configs.js";
import type { Points } from "../sam2/prompt-encoder.js";
import { Sam2 } from "../sam2/sam2.js";

setNumThreads(1); // test files run side by side

export const smallSize = 64;

/** A model that is not training, every parameter away from its first value so that no zero hides a mistake. */
export function smallModel(overrides: Partial<Sam2ConfigInput> = {}, imageSize = smallSize): Sam2 {
  manualSeed(7);
  const model = new Sam2(smallSam2Config(imageSize, overrides));
  for (const [name, parameter] of model.namedParameters()) {
    if (/pos_embed|gamma|no_|tpos/.test(name)) nn.init.normal(0.3)(parameter);
  }
  return model.eval();
}

export function randomImages(count: number, imageSize = smallSize): Tensor {
  return randn([count, 3, imageSize, imageSize]);
}

/** One foreground click per object, somewhere in the image. */
export function clicks(objects: number, imageSize = smallSize): Points {
  const labels = tensor(new Int32Array(objects).fill(1), [objects, 1]);
  return { coords: rand([objects, 1, 2]).mul(imageSize), labels };
}

/** The points of one object of a batch. */
export function pointsOf({ coords, labels }: Points, object: number): Points {
  return { coords: coords.narrow(0, object, 1), labels: labels.narrow(0, object, 1) };
}

/** Filled squares, one per object `[B, 1, S, S]`. */
export function squares(objects: number, imageSize = smallSize): Tensor {
  const masks = zeros([objects, 1, imageSize, imageSize]);
  for (let object = 0; object < objects; object++) {
    const side = imageSize / 4 + 4 * object;
    masks
      .select(0, object)
      .narrow(1, 8, side)
      .narrow(2, 8 + object, side)
      .fill_(1);
  }
  return masks;
}

/** The largest absolute difference of two tensors. */
export function apart(a: Tensor, b: Tensor): number {
  return a.sub(b).abs().amax().item();
}
