/** Several sequences as one batch of slices and one of objects. */
import { type Tensor, tensor } from "@rfmedsam/torch";
import type { SequenceSample, SliceSample } from "./sequences.js";

/** One object of the batch: a class, or a component of it, on a slice of a sequence. */
export interface BatchObject {
  readonly sequence: number;
  /** Index of its slice in the batch of images. */
  readonly image: number;
  readonly sample: SliceSample;
  /** Which of the slice's objects. */
  readonly row: number;
  readonly class: number;
}

export interface Batch {
  readonly sequences: readonly SequenceSample[];
  readonly samples: readonly SliceSample[];
  readonly objects: readonly BatchObject[];
  /** `[images, 3, S, S]` */
  readonly images: Tensor;
  /** 0/1 `[objects, 1, S, S]` */
  readonly truth: Tensor;
  /** int64 `[images, S, S]` */
  readonly labels: Tensor;
}

/** @param images of all slices, if they are there already */
export function makeBatch(
  sequences: readonly SequenceSample[],
  imageSize: number,
  device: string,
  images?: Tensor,
): Batch {
  const samples = sequences.flatMap((sequence) => sequence.slices);
  const objects: BatchObject[] = [];
  let image = 0;
  for (const [index, { slices }] of sequences.entries()) {
    for (const sample of slices) {
      for (const [row, label] of sample.asked.classes.entries())
        objects.push({ sequence: index, image, sample, row, class: label });
      image += 1;
    }
  }
  const size = [imageSize, imageSize];
  return {
    sequences,
    samples,
    objects,
    images: images ?? imagesOf(samples, imageSize, device),
    truth: tensor(joined(samples.map((s) => s.truth)), [objects.length, 1, ...size], { device }),
    labels: tensor(joinedBytes(samples.map((s) => s.labels)), [samples.length, ...size], { device, dtype: "int64" }),
  };
}

/** @returns `[images, 3, S, S]` */
export function imagesOf(samples: readonly Pick<SliceSample, "image">[], imageSize: number, device: string): Tensor {
  return tensor(joined(samples.map((s) => s.image)), [samples.length, 3, imageSize, imageSize], { device });
}

export function joined(arrays: readonly Float32Array[]): Float32Array {
  const out = new Float32Array(arrays.reduce((length, array) => length + array.length, 0));
  let offset = 0;
  for (const array of arrays) {
    out.set(array, offset);
    offset += array.length;
  }
  return out;
}

function joinedBytes(arrays: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(arrays));
}

/** Indices of a list by what the key says of their items, each list ascending. */
export function indicesBy<T, Key>(items: readonly T[], key: (item: T) => Key): Map<Key, number[]> {
  const groups = new Map<Key, number[]>();
  for (const [index, item] of items.entries()) {
    const own = key(item);
    const group = groups.get(own);
    if (group === undefined) groups.set(own, [index]);
    else group.push(index);
  }
  return groups;
}
