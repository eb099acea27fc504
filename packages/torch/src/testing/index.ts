/** For tests of other packages: weights in a file as PyTorch writes it. */
import type { Tensor } from "../tensor.js";
import { matrix, zipCheckpoint } from "./checkpoints.js";
import * as p from "./pickler.js";

/** The bytes of `torch.save({"model": state}, FILE)`, all as float32. */
export function torchFileOf(state: ReadonlyMap<string, Tensor>): Buffer {
  const entries = [...state].map(([name, { shape }], n) => [p.text(name), matrix(String(n), shape)] as const);
  const storages = Object.fromEntries(
    [...state.values()].map((value, n) => [n, new Uint8Array(value.toFloat32Array().buffer)]),
  );
  return zipCheckpoint({ value: p.dict([p.text("model"), p.dict(...entries)]), storages });
}
