/**
 * The inputs of a run. Iteration `n` changes one input into another, drawing from the stream (seed, n); what it changed may itself have
 * come out of an earlier iteration that reached new code. An input is named by that chain of iterations, from which it can be made again.
 */
import { Random } from "@rfmedsam/base";
import { type Ingredients, mutate } from "./mutate.js";
import { largestInput, type Target } from "./target.js";

/** The iterations that made an input, one after the other; the first one changed a seed. */
export type Lineage = readonly number[];

export interface Input {
  readonly lineage: Lineage;
  readonly bytes: Uint8Array;
}

/** Chains do not get longer than this. */
const longestLineage = 40;

export class Corpus {
  readonly #kept: Input[] = [];
  readonly #byLineage = new Map<string, Uint8Array>();
  readonly #ingredients: Ingredients;

  constructor(
    readonly target: Target,
    readonly seeds: readonly Uint8Array[],
    readonly seed: number,
  ) {
    const largest = Math.max(largestInput, ...seeds.map(({ length }) => Math.ceil(1.25 * length)));
    this.#ingredients = { seeds, tokens: target.tokens.map(bytesOf), largest };
  }

  get size(): number {
    return this.#kept.length;
  }

  /** The input that iteration `iteration` makes of a seed, or of an input that was kept. */
  next(iteration: number): Input {
    const choice = new Random(this.seed, iteration, 1);
    const parent = this.#choose(choice);
    const lineage = [...(parent?.lineage ?? []), iteration];
    return { lineage, bytes: this.#step(iteration, parent?.bytes) };
  }

  /** Remembers an input as one to go on from. */
  keep(input: Input): void {
    this.#byLineage.set(input.lineage.join(), input.bytes);
    if (input.lineage.length < longestLineage) this.#kept.push(input);
  }

  /** Makes an input again. */
  replay(lineage: Lineage): Uint8Array {
    let bytes: Uint8Array | undefined;
    for (const [index, iteration] of lineage.entries()) {
      const name = lineage.slice(0, index + 1).join();
      bytes = this.#byLineage.get(name) ?? this.#step(iteration, bytes);
    }
    return bytes ?? new Uint8Array();
  }

  /** A seed every fourth time; of the inputs that were kept, the later half as often as all of them together. */
  #choose(choice: Random): Input | undefined {
    const count = this.#kept.length;
    if (count === 0 || choice.chance(0.25)) return undefined;
    const from = choice.chance(0.5) ? Math.floor(count / 2) : 0;
    return this.#kept[from + choice.below(count - from)];
  }

  #step(iteration: number, parent: Uint8Array | undefined): Uint8Array {
    const random = new Random(this.seed, iteration);
    // Drawn even when it is not needed: the stream goes on alike.
    const seed = random.pick(this.seeds);
    const repaired = random.chance(0.5);
    const bytes = mutate(parent ?? seed, random, this.#ingredients);
    // Of a Buffer, `slice` would not be a copy.
    return repaired && this.target.repair !== undefined ? Uint8Array.from(this.target.repair(bytes)) : bytes;
  }
}

function bytesOf(token: string | Uint8Array): Uint8Array {
  return typeof token === "string" ? Uint8Array.from(token, (letter) => letter.charCodeAt(0)) : token;
}
