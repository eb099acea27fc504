/** Stand-ins for networks: instant, predictable, and they count every handle they give out. */
import { EngineError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type {
  AnyHandle,
  ConditionedHandle,
  Decoded,
  DecodedHandle,
  EmbeddingHandle,
  MemoryHandle,
  MemoryReference,
  ObjectPrompts,
  PatchNetwork,
  RefinerNetwork,
} from "../networks.js";

/** A step 0 that looks at single voxels: logits of class k are `rule(values of the channels)[k]`. */
export class PointwiseNetwork implements PatchNetwork {
  readonly batches: number[] = [];

  constructor(
    readonly patch: Triple,
    readonly inputChannels: number,
    readonly classes: number,
    readonly rule: (channels: readonly number[]) => readonly number[],
  ) {}

  async predict(patches: Float32Array, count: number): Promise<Float32Array> {
    this.batches.push(count);
    const voxels = this.patch[0] * this.patch[1] * this.patch[2];
    const out = new Float32Array(count * this.classes * voxels);
    for (let n = 0; n < count; n++) {
      for (let v = 0; v < voxels; v++) {
        const channels = Array.from(
          { length: this.inputChannels },
          (_, c) => patches[(n * this.inputChannels + c) * voxels + v]!,
        );
        this.rule(channels).forEach((logit, k) => {
          out[(n * this.classes + k) * voxels + v] = logit;
        });
      }
    }
    return out;
  }
}

interface Made {
  readonly kind: string;
  /** Mean of the middle colour of the slice: which slice it was. */
  readonly mark: number;
}

/** What the refiner was asked, in order. */
export interface RefinerCall {
  readonly name: "embed" | "decode" | "remember" | "attend";
  readonly mark?: number;
  readonly marks?: readonly number[];
  readonly prompts?: ObjectPrompts;
  readonly conditioned?: boolean;
  readonly references?: readonly (readonly (Omit<MemoryReference, "memory"> & { readonly mark: number })[])[];
}

export interface RefinerBehaviour {
  readonly imageSize?: number;
  readonly memorySlots?: number;
  /** Logits of a decode; by default the mask prompt itself. */
  readonly answer?: (prompts: ObjectPrompts, conditioned: boolean) => Float32Array;
  readonly iou?: (mark: number, row: number) => number;
  readonly objectScore?: (mark: number, row: number) => number;
  /** Called before every answer; throw here to break the engine at that call. */
  readonly before?: (call: number) => void;
}

/**
 * A refiner that answers with its prompts. Slices are told apart by the mean of their middle colour, so tests give every slice
 * one grey value of its own.
 */
export class RecordingRefiner implements RefinerNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly memorySlots: number;
  readonly calls: RefinerCall[] = [];
  readonly live = new Map<AnyHandle, Made>();
  mostEmbeddings = 0;
  #count = 0;

  constructor(readonly behaviour: RefinerBehaviour = {}) {
    this.imageSize = behaviour.imageSize ?? 16;
    this.maskSize = this.imageSize / 4;
    this.memorySlots = behaviour.memorySlots ?? 7;
  }

  async embed(slices: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    this.#begin();
    const pixels = this.imageSize ** 2;
    const marks = Array.from({ length: count }, (_, n) => {
      const middle = slices.subarray((n * 3 + 1) * pixels, (n * 3 + 2) * pixels);
      return middle.reduce((sum, value) => sum + value, 0) / pixels;
    });
    this.calls.push({ name: "embed", marks });
    const handles = marks.map((mark) => this.#make<EmbeddingHandle>("embedding", mark));
    const embeddings = [...this.live.values()].filter(({ kind }) => kind === "embedding").length;
    this.mostEmbeddings = Math.max(this.mostEmbeddings, embeddings);
    return handles;
  }

  async decode(embedding: EmbeddingHandle, prompts: ObjectPrompts, conditioned?: ConditionedHandle): Promise<Decoded> {
    this.#begin();
    const { mark } = this.#use(embedding);
    if (conditioned !== undefined) this.#use(conditioned);
    this.calls.push({ name: "decode", mark, prompts, conditioned: conditioned !== undefined });
    const rows = Array.from({ length: prompts.count }, (_, row) => row);
    const answer = this.behaviour.answer ?? (({ masks }: ObjectPrompts) => masks!.slice());
    return {
      logits: answer(prompts, conditioned !== undefined),
      ious: Float32Array.from(rows, (row) => this.behaviour.iou?.(mark, row) ?? 0.9),
      objectScores: Float32Array.from(rows, (row) => this.behaviour.objectScore?.(mark, row) ?? 5),
      state: this.#make<DecodedHandle>("decoded", mark),
    };
  }

  async remember(embedding: EmbeddingHandle, decoded: DecodedHandle): Promise<MemoryHandle> {
    this.#begin();
    const { mark } = this.#use(embedding);
    this.#use(decoded);
    this.calls.push({ name: "remember", mark });
    return this.#make<MemoryHandle>("memory", mark);
  }

  async attend(
    embedding: EmbeddingHandle,
    references: readonly (readonly MemoryReference[])[],
  ): Promise<ConditionedHandle> {
    this.#begin();
    const { mark } = this.#use(embedding);
    this.calls.push({
      name: "attend",
      mark,
      references: references.map((list) =>
        list.map(({ memory, ...rest }) => ({ ...rest, mark: this.#use(memory).mark })),
      ),
    });
    return this.#make<ConditionedHandle>("conditioned", mark);
  }

  release(...handles: readonly AnyHandle[]): void {
    for (const handle of handles) {
      this.#use(handle);
      this.live.delete(handle);
    }
  }

  #begin(): void {
    this.behaviour.before?.(this.#count++);
  }

  #make<T extends AnyHandle>(kind: string, mark: number): T {
    const handle = { kind } as unknown as T;
    this.live.set(handle, { kind, mark });
    return handle;
  }

  #use(handle: AnyHandle): Made {
    const made = this.live.get(handle);
    if (made === undefined) throw new EngineError({ found: "a handle that was released or never given out" });
    return made;
  }
}
