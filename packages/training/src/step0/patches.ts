/** Where step 0's training patches lie in the prepared cases, and cutting them out of the mapped files. */
import type { Random } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type { Tensor } from "@rfmedsam/torch";
import type { StoredCase } from "../dataset/store.js";

/** image float32 `[C, D, H, W]`, labels uint8 `[D, H, W]`, both copies */
export interface Region {
  readonly image: Tensor;
  readonly labels: Tensor;
}

/** The voxel a patch is centred on: a labelled one of a random class of the case, or anywhere the patch fits. */
export function drawCentre(
  { shape, locations }: StoredCase,
  patch: Triple,
  foreground: boolean,
  random: Random,
): Triple {
  const present = locations.filter((list) => list.length > 0);
  if (foreground && present.length > 0) {
    const list = random.pick(present);
    const flat = list[random.below(list.length)]!;
    const [, height, width] = shape;
    return [Math.floor(flat / (height * width)), Math.floor(flat / width) % height, flat % width];
  }
  return shape.map((extent, axis) => {
    const room = extent - patch[axis]!;
    const start = room > 0 ? random.below(room + 1) : Math.round(room / 2);
    return start + Math.floor(patch[axis]! / 2);
  }) as unknown as Triple;
}

/** The first voxel of the patch around `centre`. It stays inside the case where the case is large enough, and else around it. */
export function patchStart({ shape }: Pick<StoredCase, "shape">, centre: Triple, patch: Triple): Triple {
  return shape.map((available, axis) => {
    const extent = patch[axis]!;
    if (available <= extent) return -Math.floor((extent - available) / 2);
    return Math.min(Math.max(centre[axis]! - Math.floor(extent / 2), 0), available - extent);
  }) as unknown as Triple;
}

/** Cuts `extent` voxels from `start` on; what lies outside the case is 0 (the mean of normalised images) and background. */
export function cutRegion(stored: StoredCase, start: Triple, extent: Triple): Region {
  const { shape } = stored;
  const padding: number[] = [];
  let image = stored.image;
  let labels = stored.labels;
  for (const axis of [0, 1, 2]) {
    const end = start[axis]! + extent[axis]!;
    const from = Math.max(0, start[axis]!);
    const to = Math.min(shape[axis]!, end);
    image = image.narrow(axis + 1, from, to - from);
    labels = labels.narrow(axis, from, to - from);
    padding.unshift(from - start[axis]!, end - to);
  }
  return { image: image.pad(padding), labels: labels.pad(padding) };
}

/** Cuts the patch around `centre` without changing it. */
export function cutPatch(stored: StoredCase, centre: Triple, patch: Triple): Region {
  return cutRegion(stored, patchStart(stored, centre, patch), patch);
}
