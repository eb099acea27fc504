/**
 * Seeded random numbers that need no stored state: a stream is named by numbers (seed, step, worker …), so a resumed run draws
 * exactly what the uninterrupted one would have drawn.
 *
 * Generator: sfc32 (C. Doty-Humphrey, PractRand), seeded by splitmix32 over the names.
 */
export class Random {
  #a: number;
  #b: number;
  #c: number;
  #counter = 1;

  /** @param names integers that name the stream; the same names give the same numbers on every machine */
  constructor(...names: readonly number[]) {
    let state = 0x9e3779b9;
    const next = () => {
      state = (state + 0x9e3779b9) | 0;
      let z = state;
      z = Math.imul(z ^ (z >>> 16), 0x21f0aaad);
      z = Math.imul(z ^ (z >>> 15), 0x735a2d97);
      return z ^ (z >>> 15);
    };
    for (const name of names) {
      state ^= name | 0;
      state = next() ^ Math.floor(name / 0x1_0000_0000);
    }
    this.#a = next();
    this.#b = next();
    this.#c = next();
    for (let i = 0; i < 12; i++) this.uint32();
  }

  /** The next 32 random bits, `[0, 2³²)`. */
  uint32(): number {
    const out = (this.#a + this.#b + this.#counter) | 0;
    this.#counter = (this.#counter + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + out) | 0;
    return out >>> 0;
  }

  /** Uniform in `[low, high)`. */
  uniform(low = 0, high = 1): number {
    const unit = (this.uint32() * 0x20_0000 + (this.uint32() >>> 11)) / 2 ** 53;
    return low + (high - low) * unit;
  }

  /** Uniform integer in `[0, count)`. */
  below(count: number): number {
    return Math.floor(this.uniform(0, count));
  }

  /** Normal with the given mean and standard deviation (Box–Muller). */
  normal(mean = 0, deviation = 1): number {
    return mean + deviation * Math.sqrt(-2 * Math.log(1 - this.uniform())) * Math.cos(2 * Math.PI * this.uniform());
  }

  /** True with the given probability. */
  chance(probability: number): boolean {
    return this.uniform() < probability;
  }

  /** One element of a non-empty list. */
  pick<T>(list: readonly T[]): T {
    return list[this.below(list.length)] as T;
  }

  /** A shuffled copy (Fisher–Yates). */
  shuffled<T>(list: readonly T[]): T[] {
    const out = [...list];
    for (let i = out.length - 1; i > 0; i--) {
      const j = this.below(i + 1);
      [out[i], out[j]] = [out[j] as T, out[i] as T];
    }
    return out;
  }
}
