/** What is fuzzed: a parser, sound files it must accept, and what its files are made of. */

export interface Target {
  readonly name: string;
  /** Sound files, small, covering what the format can say; `parse` must accept each of them. */
  seeds(): readonly Uint8Array[] | Promise<readonly Uint8Array[]>;
  /** Pieces that mean something in this format: signatures, keys, instructions. */
  readonly tokens: readonly (string | Uint8Array)[];
  /** Puts right what every mutation breaks (checksums, lengths), in place or in a copy, so that mutations reach what lies behind. */
  readonly repair?: (bytes: Uint8Array) => Uint8Array;
  /** The most memory that parsing a file of so many bytes may take, in bytes; `defaultMemory` unless said otherwise. */
  readonly memory?: (fileBytes: number) => number;
  /**
   * Parses a file. A value, or a typed error that puts the fault on the file, is right; anything else is a finding. Throws `Nonsense`
   * for a value that cannot be.
   *
   * @param scratch a folder of this process's own, for parsers that read from disk
   */
  parse(bytes: Uint8Array, scratch: string): unknown;
}

/** A parser gave something back that contradicts itself. */
export class Nonsense extends Error {}

const mebi = 2 ** 20;

export function defaultMemory(fileBytes: number): number {
  return 64 * mebi + 16 * fileBytes;
}

/** For formats that compress: deflate expands up to 1032 times, and a copy or two is made of it; 500 MB is the limit for any file. */
export function inflatedMemory(fileBytes: number): number {
  return Math.min(500e6, 64 * mebi + 3 * 1032 * fileBytes);
}

/** Seconds of processor time that parsing may take. */
export function timeLimit(fileBytes: number): number {
  return Math.max(1, fileBytes / 65_536);
}

/** Inputs do not grow beyond this, or a quarter more than the largest seed. */
export const largestInput = 65_536;
