/**
 * One case's image embeddings, computed once for all ways of prompting it, as far as there is room for them: embedding a slice costs far
 * more than answering a prompt on it.
 *
 * Predictors get a stand-in for each slice (its number), which only the network beside it can read.
 */
import type { AnyHandle, EmbeddingHandle, RefinerNetwork, SliceSource } from "@rfmedsam/segmenter";
import { type Device, synchronize } from "@rfmedsam/torch";

export class KeptEmbeddings {
  /** For predictors; what it embeds are slices of `slices`. */
  readonly network: RefinerNetwork;
  readonly slices: SliceSource;
  readonly #kept = new Map<number, EmbeddingHandle>();
  readonly #handles = new Set<AnyHandle>();
  /** Seconds by slice. */
  readonly #seconds = new Map<number, number>();
  #looked = new Set<number>();
  #spent = 0;

  /** @param most embeddings that are kept (what the network has room for); of the other slices they are computed each time */
  constructor(
    private readonly own: RefinerNetwork,
    private readonly rendered: SliceSource,
    /** Where `own` computes. */
    private readonly device: Device,
    private readonly most = 128,
  ) {
    this.slices = { ...rendered, render: (slice) => Float32Array.of(slice) };
    this.network = {
      imageSize: own.imageSize,
      maskSize: own.maskSize,
      memorySlots: own.memorySlots,
      tracking: own.tracking,
      embed: (stands, count) => this.#embed(stands, count),
      decode: (...given) => own.decode(...given),
      adopt: (...given) => own.adopt(...given),
      remember: (...given) => own.remember(...given),
      attend: (...given) => own.attend(...given),
      release: (...handles) => own.release(...handles.filter((handle) => !this.#handles.has(handle))),
    };
  }

  async #embed(stands: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    const length = 3 * this.own.imageSize ** 2;
    const handles: EmbeddingHandle[] = [];
    for (let n = 0; n < count; n++) handles.push(await this.#embedSlice(stands[n * length]!));
    return handles;
  }

  async #embedSlice(slice: number): Promise<EmbeddingHandle> {
    const known = this.#kept.get(slice);
    if (known !== undefined) {
      this.#looked.add(slice);
      return known;
    }
    const started = performance.now();
    const [made] = await this.own.embed(this.rendered.render(slice), 1);
    // A GPU has only been told what to do.
    synchronize(this.device);
    const seconds = (performance.now() - started) / 1000;
    this.#spent += seconds;
    this.#looked.add(slice);
    this.#seconds.set(slice, seconds);
    if (this.#kept.size < this.most) {
      this.#kept.set(slice, made!);
      this.#handles.add(made!);
    }
    return made!;
  }

  /** Measures a piece of work as if it alone had embedded the slices it looked at, each once. */
  async timed<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly seconds: number }> {
    [this.#looked, this.#spent] = [new Set(), 0];
    const started = performance.now();
    const result = await work();
    const wall = (performance.now() - started) / 1000;
    const embedding = [...this.#looked].reduce((sum, slice) => sum + this.#seconds.get(slice)!, 0);
    return { result, seconds: wall - this.#spent + embedding };
  }

  [Symbol.dispose](): void {
    this.own.release(...this.#kept.values());
    this.#kept.clear();
    this.#handles.clear();
  }
}
