/** Label volumes: whole numbers from 0 (background) to 255, however a file stores them. */
import { FormatError } from "@rfmedsam/base";
import type { LabelVolume, Volume } from "./volume.js";

/**
 * The volume's numbers as uint8 labels; many programs save labels as float32 or int64.
 *
 * @throws FormatError if a voxel is not a whole number from 0 to 255
 */
export function toLabels(volume: Volume, { file }: { file?: string } = {}): LabelVolume {
  const { data } = volume;
  if (data instanceof Uint8Array) return volume as LabelVolume;
  const labels = new Uint8Array(data.length);
  for (let i = 0; i < labels.length; i++) {
    const value = Number(data[i]);
    labels[i] = value;
    if (labels[i] !== value) {
      throw new FormatError({
        file,
        found: `the value ${value} in a label image`,
        expected: "whole numbers from 0 (background) to 255",
        hint: "is this an image instead of its labels? Else number the labels from 1 upwards",
      });
    }
  }
  return { ...volume, data: labels };
}

/** The labels that occur, ascending, background (0) included when it does. */
export function labelsIn(data: Uint8Array): number[] {
  const present = new Uint8Array(256);
  for (let i = 0; i < data.length; i++) present[data[i]!] = 1;
  return [...present.keys()].filter((label) => present[label] === 1);
}
