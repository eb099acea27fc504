/** Stand-ins for networks: instant, predictable, and they count every handle they give out. */
import { EngineError } from "@rfmedsam/base";
import type { Triple } from "@rfmedsam/imaging";
import type {
  AnyHandle,
  ConditionedHandle,
  Decoded,
  DecodedHandle,
  DecodeOptions,
  EmbeddingHandle,
  MemoryHandle,
  ObjectMemories,
  ObjectPrompts,
  PatchNetwork,
  PointerReference,
  RefinerNetwork,
  RefinerRoom,
  RememberOptions,
  SpatialReference,
} from "../networks.js";
import type { TrackingRules } from "../tracking/rules.js";

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
  /** Objects of its batch. */
  readonly rows: number;
}

/** What an object attended to; `mark` stands for the handle. */
export interface SeenMemories {
  readonly spatial: readonly (Omit<SpatialReference, "memory"> & { readonly mark: number })[];
  readonly pointers: readonly (Omit<PointerReference, "of"> & { readonly mark: number })[];
  readonly farthestPointer: number | undefined;
}

/** What the refiner was asked, in order. */
export interface RefinerCall {
  readonly name: "embed" | "decode" | "adopt" | "remember" | "attend" | "propose";
  readonly mark?: number;
  readonly marks?: readonly number[];
  readonly prompts?: ObjectPrompts;
  readonly conditioned?: boolean;
  readonly multimask?: boolean | undefined;
  readonly remembered?: RememberOptions;
  readonly references?: readonly SeenMemories[];
}

export interface RefinerBehaviour {
  readonly imageSize?: number;
  readonly memorySlots?: number;
  readonly tracking?: TrackingRules;
  /** Logits of a decode; by default the mask prompt itself. */
  readonly answer?: (prompts: ObjectPrompts, conditioned: boolean, mark: number) => Float32Array;
  readonly iou?: (mark: number, row: number) => number;
  readonly objectScore?: (mark: number, row: number) => number;
  /** Class logits of a slice; without it the network proposes nothing. */
  readonly proposal?: (mark: number) => Float32Array;
  /** What it says there is room for; without it it says nothing. */
  readonly room?: RefinerRoom;
  /** Called before every answer; throw here to break the engine at that call. */
  readonly before?: (call: number) => void;
}

/** SAM 2.1's rules, with fewer pointers. */
export const usualTracking: TrackingRules = {
  memory: {
    numMaskmem: 7,
    maxConditioning: -1,
    stride: 1,
    maxPointers: 10,
    signedPointerDistances: true,
    onlyPastPointers: true,
  },
  multimask: { inSam: true, forTracking: true, minPoints: 0, maxPoints: 1 },
  maskAsOutput: true,
};

/**
 * A refiner that answers with its prompts. Slices are told apart by the mean of their middle colour, so tests give every slice
 * one grey value of its own.
 */
export class RecordingRefiner implements RefinerNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly memorySlots: number;
  readonly tracking: TrackingRules;
  readonly calls: RefinerCall[] = [];
  readonly live = new Map<AnyHandle, Made>();
  readonly propose?: (embedding: EmbeddingHandle) => Promise<Float32Array>;
  readonly room?: () => RefinerRoom;
  mostEmbeddings = 0;
  /** Most handles of all kinds at once. */
  mostHandles = 0;
  #count = 0;

  constructor(readonly behaviour: RefinerBehaviour = {}) {
    this.imageSize = behaviour.imageSize ?? 16;
    this.maskSize = this.imageSize / 4;
    this.memorySlots = behaviour.memorySlots ?? 7;
    this.tracking = behaviour.tracking ?? usualTracking;
    const { proposal, room } = behaviour;
    if (room !== undefined) this.room = () => room;
    if (proposal !== undefined) {
      this.propose = async (embedding) => {
        this.#begin();
        const { mark } = this.#use(embedding, "embedding");
        this.calls.push({ name: "propose", mark });
        return proposal(mark);
      };
    }
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

  async decode(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    conditioned?: ConditionedHandle,
    { multimask }: DecodeOptions = {},
  ): Promise<Decoded> {
    this.#begin();
    const { mark } = this.#use(embedding, "embedding");
    if (conditioned !== undefined) this.#use(conditioned, "conditioned");
    this.calls.push({ name: "decode", mark, prompts, conditioned: conditioned !== undefined, multimask });
    const answer = this.behaviour.answer ?? (({ masks }: ObjectPrompts) => masks!.slice());
    return this.#answer(answer(prompts, conditioned !== undefined, mark), prompts.count, mark);
  }

  /** Answers with every fourth pixel of the mask. */
  async adopt(embedding: EmbeddingHandle, masks: Float32Array): Promise<Decoded> {
    this.#begin();
    const { mark } = this.#use(embedding, "embedding");
    const size = this.imageSize;
    const count = masks.length / size ** 2;
    this.calls.push({ name: "adopt", mark });
    const logits = Float32Array.from({ length: count * this.maskSize ** 2 }, (_, n) => {
      const [x, rest] = [n % this.maskSize, Math.floor(n / this.maskSize)];
      const [y, object] = [rest % this.maskSize, Math.floor(rest / this.maskSize)];
      return masks[(object * size + 4 * y) * size + 4 * x]! > 0 ? 10 : -10;
    });
    return this.#answer(logits, count, mark);
  }

  async remember(
    embedding: EmbeddingHandle,
    decoded: DecodedHandle,
    options: RememberOptions = {},
  ): Promise<MemoryHandle> {
    this.#begin();
    const { mark } = this.#use(embedding, "embedding");
    const made = this.#use(decoded, "decoded");
    if (made.mark !== mark) throw new EngineError({ found: "an answer remembered with another slice's embedding" });
    this.calls.push({ name: "remember", mark, remembered: options });
    return this.#make<MemoryHandle>("memory", mark, made.rows);
  }

  async attend(embedding: EmbeddingHandle, references: readonly ObjectMemories[]): Promise<ConditionedHandle> {
    this.#begin();
    const { mark } = this.#use(embedding, "embedding");
    this.calls.push({
      name: "attend",
      mark,
      references: references.map(({ spatial, pointers, farthestPointer }) => ({
        spatial: spatial.map(({ memory, ...rest }) => ({ ...rest, mark: this.#row(memory, rest.row, "memory") })),
        pointers: pointers.map(({ of, ...rest }) => ({ ...rest, mark: this.#row(of, rest.row) })),
        farthestPointer,
      })),
    });
    return this.#make<ConditionedHandle>("conditioned", mark, references.length);
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

  #answer(logits: Float32Array, count: number, mark: number): Decoded {
    const rows = Array.from({ length: count }, (_, row) => row);
    return {
      logits,
      ious: Float32Array.from(rows, (row) => this.behaviour.iou?.(mark, row) ?? 0.9),
      objectScores: Float32Array.from(rows, (row) => this.behaviour.objectScore?.(mark, row) ?? 5),
      state: this.#make<DecodedHandle>("decoded", mark, count),
    };
  }

  #make<T extends AnyHandle>(kind: string, mark: number, rows = 1): T {
    const handle = { kind } as unknown as T;
    this.live.set(handle, { kind, mark, rows });
    this.mostHandles = Math.max(this.mostHandles, this.live.size);
    return handle;
  }

  #use(handle: AnyHandle, kind?: string): Made {
    const made = this.live.get(handle);
    if (made === undefined) throw new EngineError({ found: "a handle that was released or never given out" });
    if (kind !== undefined && made.kind !== kind) throw new EngineError({ found: `a ${made.kind}`, expected: kind });
    return made;
  }

  #row(handle: AnyHandle, row: number, kind?: string): number {
    const { mark, rows } = this.#use(handle, kind);
    if (!(row >= 0 && row < rows)) throw new EngineError({ found: `object ${row} of ${rows}` });
    return mark;
  }
}
