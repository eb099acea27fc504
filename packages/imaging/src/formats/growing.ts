/** Room for bytes whose number a file only claims: it grows with the bytes that arrive, never with the claim alone. */

/** Room made at once for a claim that nothing supports yet. */
export const firstCapacity = 16 * 2 ** 20;

/** Bytes that double their room as they arrive, up to a limit. */
export class Growing {
  readonly limit: number;
  length = 0;
  #room: Uint8Array<ArrayBuffer>;

  constructor(limit: number, capacity: number) {
    this.limit = limit;
    this.#room = new Uint8Array(Math.min(limit, capacity));
  }

  get full(): boolean {
    return this.length === this.limit;
  }

  /** @returns how many bytes fitted under the limit */
  append(piece: Uint8Array): number {
    const part = piece.subarray(0, this.limit - this.length);
    const needed = this.length + part.length;
    if (needed > this.#room.length) {
      const larger = new Uint8Array(Math.min(this.limit, Math.max(needed, 2 * this.#room.length)));
      larger.set(this.#room.subarray(0, this.length));
      this.#room = larger;
    }
    this.#room.set(part, this.length);
    this.length = needed;
    return part.length;
  }

  bytes(): Uint8Array<ArrayBuffer> {
    return this.#room.subarray(0, this.length);
  }
}
