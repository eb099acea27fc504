/**
 * Slices on which a prediction loses a class, or takes another for it: on both sides the class lies in one place, and here in another or
 * nowhere. A prompt from such a slice asks for the wrong thing, and a refiner that follows its prompts answers it.
 *
 *   slice      4      5      6      7
 *   liver     left   left   right  left       6 is bridged: its prompt comes from 5 or 7
 *
 * Which place is the right one is for the majority to say: slices that follow one another with the class in one place (gaps as long as a
 * bridge allowed) are a chain, and only a longer chain bridges a slice that has the class elsewhere.
 */

/** Dice of a class on two slices of a chain, at least: it has not moved. */
const together = 0.5;
/** Dice of a class with either end of a bridge, at most: what is there is something else. */
const apart = 0.1;

/** A slice as it went by. */
interface SeenSlice {
  /** Voxels of every class. */
  readonly areas: ArrayLike<number>;
  /** Those of them that have the same class on the slice `n + 1` below; of the background unknown. */
  readonly common: readonly Uint32Array[];
}

/** Finds bridges while slices go by; no more of them are kept than a bridge is long. */
export class BridgeFinder {
  readonly #near: Uint8Array[] = [];
  readonly #seen: SeenSlice[] = [];

  /**
   * @param classes background included
   * @param longest slices between the two ends, at most; 0 builds none
   */
  constructor(
    private readonly classes: number,
    private readonly longest: number,
  ) {}

  /** The next slice upwards, class indices `[h, w]`; the array may be reused. @param areas voxels of every class */
  add(labels: Uint8Array, areas: ArrayLike<number>): void {
    if (this.longest === 0) return;
    this.#seen.push({ areas, common: this.#near.map((below) => sameVoxels(labels, below, this.classes)) });
    this.#near.unshift(labels.slice());
    if (this.#near.length > this.longest + 1) this.#near.pop();
  }

  /**
   * @param isThere whether a slice can be asked for with its own mask of the class
   * @returns for every slice with whose mask the class is asked for instead of with its own
   */
  sourcesOf(label: number, isThere: (slice: number) => boolean): readonly (number | undefined)[] {
    const chains = this.#chains(label, isThere);
    return this.#seen.map((_, slice) => this.#source(label, slice, chains));
  }

  #source(label: number, slice: number, chains: readonly Chain[]): number | undefined {
    let best: { readonly source: number; readonly length: number; readonly far: number } | undefined;
    const own = chains[slice]?.length ?? 0;
    for (let lower = slice - 1; lower >= Math.max(0, slice - this.longest); lower--) {
      const highest = Math.min(this.#seen.length - 1, lower + this.longest + 1);
      for (let upper = slice + 1; upper <= highest; upper++) {
        const chain = chains[lower];
        if (chain === undefined || chain !== chains[upper] || chain.length <= own) continue;
        if (this.#dice(label, upper, slice) > apart || this.#dice(label, slice, lower) > apart) continue;
        const [down, up] = [slice - lower, upper - slice];
        const found = { source: down <= up ? lower : upper, length: chain.length, far: Math.min(down, up) };
        if (best === undefined || found.length > best.length || (found.length === best.length && found.far < best.far))
          best = found;
      }
    }
    return best?.source;
  }

  /** The chain of every slice that has the class. */
  #chains(label: number, isThere: (slice: number) => boolean): Chain[] {
    const chains: Chain[] = [];
    this.#seen.forEach((_, slice) => {
      if (!isThere(slice)) return;
      let own: Chain = { length: 1 };
      for (let lower = Math.max(0, slice - this.longest - 1); lower < slice; lower++) {
        const other = chains[lower];
        if (other === undefined || other === own || this.#dice(label, slice, lower) < together) continue;
        const joined = { length: own.length + other.length };
        chains.forEach((chain, at) => {
          if (chain === own || chain === other) chains[at] = joined;
        });
        own = joined;
      }
      chains[slice] = own;
    });
    return chains;
  }

  #dice(label: number, upper: number, lower: number): number {
    const [first, second] = [this.#seen[upper]!, this.#seen[lower]!];
    const both = first.common[upper - lower - 1]![label]!;
    return both === 0 ? 0 : (2 * both) / (first.areas[label]! + second.areas[label]!);
  }
}

/** Slices that have a class in one place. */
interface Chain {
  /** How many. */
  readonly length: number;
}

/** Voxels of every class but the background that have it on both slices. */
function sameVoxels(first: Uint8Array, second: Uint8Array, classes: number): Uint32Array {
  const count = new Uint32Array(classes);
  for (let i = 0; i < first.length; i++) {
    const label = first[i]!;
    if (label !== 0 && label === second[i]) count[label]!++;
  }
  return count;
}
