/** Constant tables (position encodings, rotary angles, indices) by size, device and type, computed once. */
import { noGrad, scope, type Tensor, tensor } from "@rfmedsam/torch";

export interface Table {
  readonly data: Float32Array | Float64Array;
  readonly shape: readonly number[];
}

/**
 * Keeps the few most recent tables, outside all scopes. A model meets one or two image sizes; the limit only guards against a
 * caller that changes size for every image.
 */
export class TableCache {
  readonly #tables = new Map<string, Tensor>();
  readonly #limit: number;

  constructor(limit = 16) {
    this.#limit = limit;
  }

  /** The table called `key` on `like`'s device and in its type; computed when it isn't there yet. Do not write into it. */
  get(key: string, like: Pick<Tensor, "device" | "dtype">, compute: () => Table): Tensor {
    const full = `${key} ${like.device} ${like.dtype}`;
    const known = this.#tables.get(full);
    if (known !== undefined) return known;
    const table = noGrad(() =>
      scope(() => {
        const { data, shape } = compute();
        return tensor(data, [...shape]).to({ dtype: like.dtype, device: like.device });
      }),
    ).keep();
    if (this.#tables.size >= this.#limit) {
      const [oldest] = this.#tables.keys();
      this.#tables.delete(oldest!); // not freed: a caller may still hold it; the finalizer does it
    }
    this.#tables.set(full, table);
    return table;
  }
}
