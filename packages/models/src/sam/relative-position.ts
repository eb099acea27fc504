/**
 * Decomposed relative positions (Li et al. 2022, MViTv2) as SAM's image encoder uses them: what a query adds to its product with a key
 * depends on their distance in rows and, separately, in columns.
 *
 *   bias[q, k] = q · rows[row(q) - row(k)] + q · columns[column(q) - column(k)]
 */
import { F, scope, type Tensor } from "@rfmedsam/torch";
import type { Grid } from "../sam2/position.js";
import { TableCache } from "../sam2/table-cache.js";

/** Which entry of a table a pair of places reads, by their numbers; all blocks of all models share the few there are. */
const indices = new TableCache();

/**
 * The learned vector of every pair of a query's and a key's place along one axis.
 * @param table `[L, C]`, one vector a distance; brought linearly to the 2·max(queries, keys) - 1 distances there are when it has another
 *   length
 * @returns `[queries, keys, C]`
 */
export function relativePositions(table: Tensor, queries: number, keys: number): Tensor {
  return scope(() => {
    const index = indices.get(`${queries}:${keys}`, { device: table.device, dtype: "int64" }, () => ({
      data: distances(queries, keys),
      shape: [queries, keys],
    }));
    return F.embedding(resizedTable(table, 2 * Math.max(queries, keys) - 1), index);
  });
}

/** `[L, C]` → `[length, C]`, linearly between neighbours; the table itself when it has that length. */
export function resizedTable(table: Tensor, length: number): Tensor {
  const [from, channels] = table.shape as [number, number];
  if (from === length) return table;
  return scope(() => {
    const image = table.reshape([1, 1, from, channels]);
    return F.interpolate(image, { size: [length, channels], mode: "bilinear" }).reshape([length, channels]);
  });
}

/** The coarser axis counts in steps of the finer one; fractions are cut off, in float32 as the reference does. */
function distances(queries: number, keys: number): Float32Array {
  const queryStep = Math.fround(Math.max(keys / queries, 1));
  const keyStep = Math.fround(Math.max(queries / keys, 1));
  const last = Math.fround((keys - 1) * Math.max(queries / keys, 1));
  const index = new Float32Array(queries * keys);
  for (let query = 0; query < queries; query++) {
    for (let key = 0; key < keys; key++) {
      const apart = Math.fround(Math.fround(query * queryStep) - Math.fround(key * keyStep));
      index[query * keys + key] = Math.trunc(Math.fround(apart + last));
    }
  }
  return index;
}

/**
 * What relative positions add to the products of queries and keys: an additive mask for attention.
 * @param q queries `[B, heads, H, W, C]`, not scaled @param rows table of distances in rows `[L, C]` @param columns in columns
 * @param keys grid of the keys; the queries' own by default
 * @returns `[B, heads, H·W, rows of keys · columns of keys]`
 */
export function relativePositionBias(q: Tensor, rows: Tensor, columns: Tensor, keys?: Grid): Tensor {
  return scope(() => {
    const [batch, heads, height, width] = q.shape as [number, number, number, number];
    const [high, wide] = keys ?? [height, width];
    const byRow = relativePositions(rows, height, high).transpose(1, 2);
    const byColumn = relativePositions(columns, width, wide).transpose(1, 2);
    const vertical = q.matmul(byRow);
    const horizontal = q.transpose(2, 3).matmul(byColumn).transpose(2, 3);
    // the rows' part comes first: its memory order becomes the result's, and attention reads that without a copy
    const bias = vertical.unsqueeze(-1).add(horizontal.unsqueeze(-2));
    return bias.reshape([batch, heads, height * width, high * wide]);
  });
}
