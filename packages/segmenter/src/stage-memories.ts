/**
 * The stage-1 memories that stage 2 looks at, and when each is needed. What is chosen depends on slice numbers and confidences alone, so
 * all of it is known before stage 2 begins: a memory is freed after its last use, and one that is not there when it is needed is made
 * again from its slice (the same embedding, prompts and calls as in stage 1, hence the same memory).
 */
import type { EmbeddingWindow, HandlePool } from "./handles.js";
import { chooseMemories, confidenceOf, equallyLong, type MemoryOptions, sameComponent } from "./memory.js";
import type { DecodedHandle, EmbeddingHandle, MemoryHandle, ObjectMemories, RefinerNetwork } from "./networks.js";
import type { SlicePrompts } from "./prompts.js";
import type { SliceResult } from "./refine.js";
import type { PixelBox } from "./slices.js";

/** One memory that an object attends to. */
export interface MemoryReference {
  readonly slice: number;
  /** Which object of that slice's batch. */
  readonly row: number;
  readonly position: number;
  readonly offset: number;
}

/** Per object of a slice, equally many references. */
export type SliceReferences = readonly (readonly MemoryReference[])[];

/** An object of stage 1. */
interface StageObject {
  readonly slice: number;
  readonly row: number;
  readonly confidence: number;
  readonly box: PixelBox;
}

/**
 * What every object attends to in stage 2: memories of its class on other slices. Of a class with several components on a slice it is
 * the one that lies where the object does.
 *
 * @param boxes `[n, 4]` a slice: what stage 1 was asked with
 */
export function chooseReferences(
  results: ReadonlyMap<number, SliceResult>,
  boxes: ReadonlyMap<number, Float32Array>,
  memorySlots: number,
  options: MemoryOptions,
): Map<number, SliceReferences> {
  const byClass = objectsByClass(results, boxes);
  const chosen = new Map<number, SliceReferences>();
  for (const { slice, classes } of results.values()) {
    const lists = classes.map((label, row) => {
      const candidates = likeThis(byClass.get(label)!, boxAt(boxes.get(slice)!, row));
      return chooseMemories([...candidates.values()], slice, memorySlots, options).map((memory) => ({
        ...memory,
        row: candidates.get(memory.slice)!.row,
      }));
    });
    chosen.set(slice, equallyLong(lists));
  }
  return chosen;
}

/** Per class the objects of every slice. */
function objectsByClass(
  results: ReadonlyMap<number, SliceResult>,
  boxes: ReadonlyMap<number, Float32Array>,
): Map<number, Map<number, StageObject[]>> {
  const byClass = new Map<number, Map<number, StageObject[]>>();
  for (const { slice, classes, ious, objectScores } of results.values()) {
    classes.forEach((label, row) => {
      const bySlice = byClass.get(label) ?? new Map<number, StageObject[]>();
      byClass.set(label, bySlice);
      const confidence = confidenceOf(ious[row]!, objectScores[row]!);
      const object = { slice, row, confidence, box: boxAt(boxes.get(slice)!, row) };
      bySlice.set(slice, [...(bySlice.get(slice) ?? []), object]);
    });
  }
  return byClass;
}

/** On every slice the object that is the same thing as the one in `box`. */
function likeThis(bySlice: ReadonlyMap<number, readonly StageObject[]>, box: PixelBox): Map<number, StageObject> {
  const alike = new Map<number, StageObject>();
  for (const [slice, objects] of bySlice) {
    const which =
      objects.length === 1
        ? 0
        : sameComponent(
            box,
            objects.map((object) => object.box),
          );
    alike.set(slice, objects[which]!);
  }
  return alike;
}

function boxAt(boxes: Float32Array, row: number): PixelBox {
  return [boxes[row * 4]!, boxes[row * 4 + 1]!, boxes[row * 4 + 2]!, boxes[row * 4 + 3]!];
}

export class StageMemories {
  readonly #kept = new Map<number, MemoryHandle>();
  /** Steps of stage 2 at which a slice's memory is needed, the next one last. */
  readonly #uses = new Map<number, number[]>();

  /** @param limit how many memories are kept, unless one slice needs more at once */
  constructor(
    private readonly network: RefinerNetwork,
    private readonly pool: HandlePool,
    private readonly embeddings: EmbeddingWindow,
    private readonly prompts: (slice: number) => SlicePrompts | undefined,
    readonly limit: number,
  ) {}

  async make(slice: number, embedding: EmbeddingHandle, decoded: DecodedHandle): Promise<MemoryHandle> {
    const memory = this.pool.keep(await this.network.remember(embedding, decoded));
    this.#kept.set(slice, memory);
    return memory;
  }

  /** @param steps what stage 2 looks at, slice by slice in its order */
  plan(steps: readonly SliceReferences[]): void {
    for (const [step, references] of [...steps.entries()].reverse()) {
      for (const slice of slicesOf(references)) this.#uses.set(slice, [...(this.#uses.get(slice) ?? []), step]);
    }
    this.#freeUnused();
  }

  /** The handles of a step's references. @param order slices of all steps: those that come next are embedded along */
  async resolve(references: SliceReferences, order: readonly number[]): Promise<ObjectMemories[]> {
    const needed = slicesOf(references);
    for (const slice of needed) {
      if (this.#kept.has(slice)) continue;
      this.#makeRoom(needed);
      await this.#makeAgain(slice, order);
    }
    return references.map((list) => {
      const seen = list.map((one) => ({ ...one, memory: this.#kept.get(one.slice)! }));
      return {
        spatial: seen.map(({ memory, row, position }) => ({ memory, row, position })),
        pointers: seen.map(({ memory, row, offset }) => ({ of: memory, row, offset })),
      };
    });
  }

  /** A step is done: what nobody needs any more goes. */
  passed(step: number): void {
    for (const uses of this.#uses.values()) if (uses.at(-1) === step) uses.pop();
    this.#freeUnused();
  }

  /** Whether a slice's memory has yet to be made, which takes its embedding. */
  willMake(slice: number): boolean {
    return !this.#kept.has(slice) && (this.#uses.get(slice)?.length ?? 0) > 0;
  }

  async #makeAgain(slice: number, order: readonly number[]): Promise<void> {
    const asked = this.prompts(slice)!;
    const embedding = await this.embeddings.get(slice, order.slice(order.indexOf(slice) + 1));
    const decoded = await this.network.decode(embedding, asked.prompts);
    this.pool.keep(decoded.state);
    await this.make(slice, embedding, decoded.state);
    this.pool.free(decoded.state);
  }

  /** Frees the memory that is needed last, but none that this step needs. */
  #makeRoom(needed: ReadonlySet<number>): void {
    while (this.#kept.size >= this.limit) {
      const free = [...this.#kept.keys()].filter((slice) => !needed.has(slice));
      if (free.length === 0) return;
      this.#free(free.reduce((last, slice) => (this.#nextUse(slice) > this.#nextUse(last) ? slice : last)));
    }
  }

  #nextUse(slice: number): number {
    return this.#uses.get(slice)?.at(-1) ?? Number.POSITIVE_INFINITY;
  }

  #freeUnused(): void {
    for (const slice of this.#kept.keys()) if (this.#nextUse(slice) === Number.POSITIVE_INFINITY) this.#free(slice);
  }

  #free(slice: number): void {
    this.pool.free(this.#kept.get(slice));
    this.#kept.delete(slice);
  }
}

function slicesOf(references: SliceReferences): Set<number> {
  return new Set(references.flatMap((list) => list.map(({ slice }) => slice)));
}
