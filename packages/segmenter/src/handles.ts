/**
 * Ownership of an engine's handles: everything kept here is released once, at the latest when the work ends, however it ends.
 */
import type { AnyHandle, EmbeddingHandle, RefinerNetwork } from "./networks.js";

/** Handles that live until they are freed one by one, or all together at the end. */
export class HandlePool {
  readonly #network: Pick<RefinerNetwork, "release">;
  readonly #live = new Set<AnyHandle>();

  constructor(network: Pick<RefinerNetwork, "release">) {
    this.#network = network;
  }

  keep<T extends AnyHandle>(handle: T): T {
    this.#live.add(handle);
    return handle;
  }

  free(...handles: readonly (AnyHandle | undefined)[]): void {
    const owned = handles.filter((handle): handle is AnyHandle => handle !== undefined && this.#live.delete(handle));
    if (owned.length > 0) this.#network.release(...owned);
  }

  freeAll(): void {
    this.free(...this.#live);
  }
}

/**
 * Embeddings of slices, computed in batches when first needed. At most `limit` are kept; the oldest goes first, so a second pass
 * in the opposite direction finds what the first pass saw last.
 */
export class EmbeddingWindow {
  readonly #kept = new Map<number, EmbeddingHandle>();

  constructor(
    private readonly network: Pick<RefinerNetwork, "imageSize" | "embed">,
    private readonly pool: HandlePool,
    private readonly render: (slice: number, out: Float32Array, offset: number) => void,
    private readonly limit: number,
    private readonly batch: number,
  ) {}

  /** @param upcoming slices that will be asked for next; they fill up the batch */
  async get(slice: number, upcoming: readonly number[]): Promise<EmbeddingHandle> {
    const found = this.#kept.get(slice);
    if (found !== undefined) return found;
    const room = Math.max(0, Math.min(this.batch, this.limit) - 1);
    const wanted = [slice, ...upcoming.filter((next) => !this.#kept.has(next)).slice(0, room)];
    for (const old of [...this.#kept.keys()].slice(0, Math.max(0, this.#kept.size + wanted.length - this.limit))) {
      this.drop(old);
    }
    const size = 3 * this.network.imageSize ** 2;
    const pictures = new Float32Array(wanted.length * size);
    wanted.forEach((index, n) => {
      this.render(index, pictures, n * size);
    });
    const embeddings = await this.network.embed(pictures, wanted.length);
    wanted.forEach((index, n) => {
      this.#kept.set(index, this.pool.keep(embeddings[n]!));
    });
    return this.#kept.get(slice)!;
  }

  drop(slice: number): void {
    this.pool.free(this.#kept.get(slice));
    this.#kept.delete(slice);
  }
}
