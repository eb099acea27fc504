/** What holds of every value that a parser gives back. */
import type { Volume } from "@rfmedsam/imaging";
import { Nonsense } from "../target.js";

/** @throws Nonsense for a volume whose parts contradict each other */
export function checkVolume({ data, shape, affine }: Volume): void {
  const count = shape.reduce((product, size) => product * size, 1);
  if (!shape.every((size) => Number.isSafeInteger(size) && size > 0)) throw new Nonsense(`a volume of shape ${shape}`);
  if (data.length !== count) throw new Nonsense(`${data.length} voxels in a volume of shape ${shape}`);
  if (affine.length !== 16 || !affine.every(Number.isFinite)) throw new Nonsense(`an affine of ${affine}`);
}

/** @throws Nonsense for a picture with another number of samples than its sizes say */
export function checkSamples(width: number, height: number, samples: number, channels: number): void {
  if (samples !== width * height * channels || samples === 0) {
    throw new Nonsense(`${samples} samples in a picture of ${width}×${height} pixels`);
  }
}

/**
 * Decoders in WebAssembly keep their memory from one file to the next: after a file on which one failed, sound files must be read as
 * before.
 *
 * @throws what `attempt` throws; Nonsense when `sound` fails afterwards
 */
export async function soundAfterwards(attempt: Promise<void>, sound: () => Promise<unknown>): Promise<void> {
  const [outcome] = await Promise.allSettled([attempt]);
  if (outcome.status === "fulfilled") return;
  if (/cannot be decoded/.test(String(outcome.reason))) {
    const [after] = await Promise.allSettled([sound()]);
    if (after.status === "rejected") {
      throw new Nonsense("a sound file is refused behind this one", { cause: after.reason });
    }
  }
  throw outcome.reason;
}
