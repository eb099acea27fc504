/**
 * Only the largest piece of a class stays, as nnU-Net cleans labels where cross-validation says so: a second liver is a mistake. Voxels
 * that touch at a corner belong together (26 neighbours), as there.
 */
import { connectedComponents, type LabelVolume, type Triple } from "@rfmedsam/imaging";

/**
 * Sets the voxels of all but each class's largest component to 0; of equally large ones the first in array order stays.
 *
 * @param labels `[z, y, x]`, changed in place
 * @param values the label values that are cleaned
 * @returns how many voxels were removed, per value
 */
export function keepLargestComponents(labels: Uint8Array, shape: Triple, values: readonly number[]): number[] {
  const mask = new Uint8Array(labels.length);
  return values.map((value) => {
    for (let i = 0; i < labels.length; i++) mask[i] = labels[i] === value ? 1 : 0;
    const components = connectedComponents(mask, shape, 26);
    if (components.count < 2) return 0;
    let largest = 1;
    for (let n = 2; n <= components.count; n++) if (components.sizes[n]! > components.sizes[largest]!) largest = n;
    let removed = 0;
    for (let i = 0; i < labels.length; i++) {
      if (labels[i] !== value || components.labels[i] === largest) continue;
      labels[i] = 0;
      removed += 1;
    }
    return removed;
  });
}

/** The same of a volume, in a copy; the volume itself where nothing is to be cleaned. */
export function withLargestComponents(labels: LabelVolume, values: readonly number[]): LabelVolume {
  if (values.length === 0) return labels;
  const data = labels.data.slice();
  keepLargestComponents(data, labels.shape, values);
  return { ...labels, data };
}
