/** Small checkpoints as torch.save lays them out, made here, for tests. */
import * as p from "./pickler.js";
import { type ZipStyle, zipFile } from "./zip-writer.js";

export interface SmallCheckpoint {
  readonly value: p.Piece;
  /** By key. */
  readonly storages: Readonly<Record<string, Uint8Array>>;
  readonly deflated?: boolean;
  readonly others?: Readonly<Record<string, Uint8Array>>;
}

/** The archive layout. */
export function zipCheckpoint(
  { value, storages, deflated = false, others = {} }: SmallCheckpoint,
  style: ZipStyle = {},
): Buffer {
  const data = Object.entries(storages).map(([key, bytes]) => ({ name: `small/data/${key}`, bytes, deflated }));
  const more = Object.entries(others).map(([name, bytes]) => ({ name: `small/${name}`, bytes }));
  return zipFile([{ name: "small/data.pkl", bytes: p.pickled(value), deflated }, ...data, ...more], style);
}

export const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

/** A contiguous float32 tensor. */
export const matrix = (key: string, shape: readonly number[]): p.Piece => {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const strides = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, extent) => product * extent, 1));
  return p.tensor(p.storage({ key, count }), 0, shape, strides);
};
