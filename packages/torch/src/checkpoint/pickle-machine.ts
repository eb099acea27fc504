/**
 * The state of an unpickler: the bytes and how far they are read, the stack with its marks, the memo, and what may still be spent.
 * Nothing is allocated because a length says so: a length is first compared with the bytes that are there.
 */
import { viewOf } from "./byte-source.js";
import type { Described, StorageRecord, TensorDescription } from "./pickle-values.js";
import { damaged, type ProblemKind, type Remarks } from "./problems.js";

/** What a pickle may refer to outside itself, and how much it may make. */
export interface PickleRules {
  readonly file: string;
  /** The functions, classes and constants that may be named, by "module name". */
  readonly globals: ReadonlyMap<string, Described>;
  /** Finds the storage that a persistent id describes. */
  storage(id: Described): StorageRecord;
  /** What it means when the bytes end too early. */
  readonly exhausted: ProblemKind;
  /** What all tensors together may take. */
  readonly maxBytes: number;
}

/** Objects (containers, tensors, storages) in one pickle. A model with an optimiser has about 30 for each of its tensors. */
const objectLimit = 1 << 21;

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class Machine {
  at = 0;
  readonly stack: Described[] = [];
  readonly memo = new Map<number, Described>();
  readonly file: string;
  readonly #view: DataView;
  readonly #marks: number[] = [];
  /** Where the part of the stack above the last mark begins. */
  #floor = 0;
  #objects = 0;
  #copies = 0;
  #tensorBytes = 0;

  readonly bytes: Uint8Array;

  constructor(
    bytes: Uint8Array,
    readonly rules: PickleRules,
  ) {
    // Not a Buffer, whose slices are views: values must not hold on to the file.
    this.bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.file = rules.file;
    this.#view = viewOf(bytes);
  }

  // ---- Bytes

  /** Claims the next `length` bytes. @returns where they begin */
  take(length: number): number {
    const start = this.at;
    if (!(length <= this.bytes.length - start)) {
      throw damaged(
        this.file,
        this.rules.exhausted,
        `its pickle ends at byte ${this.bytes.length}, too early: at byte ${start} it goes on for at least ${length} more`,
        { expected: "a file that is whole" },
      );
    }
    this.at = start + length;
    return start;
  }

  uint8 = (): number => this.#view.getUint8(this.take(1));
  uint16 = (): number => this.#view.getUint16(this.take(2), true);
  uint32 = (): number => this.#view.getUint32(this.take(4), true);
  int32 = (): number => this.#view.getInt32(this.take(4), true);
  uint64 = (): number => Number(this.#view.getBigUint64(this.take(8), true));
  float64 = (): number => this.#view.getFloat64(this.take(8), false);

  slice(length: number): Uint8Array {
    const start = this.take(length);
    return this.bytes.subarray(start, start + length);
  }

  text(length: number): string {
    return this.#decode(this.slice(length));
  }

  /** A text up to the next line feed, which is skipped. */
  line(): string {
    return this.#decode(this.rawLine());
  }

  rawLine(): Uint8Array {
    const end = this.bytes.indexOf(0x0a, this.at);
    const line = this.slice(end < 0 ? this.bytes.length - this.at + 1 : end - this.at);
    this.at++;
    return line;
  }

  #decode(bytes: Uint8Array): string {
    try {
      return utf8.decode(bytes);
    } catch (cause) {
      throw this.malformed("a text that is not UTF-8", { cause });
    }
  }

  // ---- Stack

  push(value: Described): void {
    this.stack.push(value);
  }

  top(): Described {
    if (this.stack.length <= this.#floor) throw this.malformed("an instruction that needs more values than there are");
    return this.stack[this.stack.length - 1] as Described;
  }

  pop(): Described {
    const value = this.top();
    this.stack.length--;
    return value;
  }

  mark(): void {
    this.#marks.push(this.stack.length);
    this.#floor = this.stack.length;
  }

  /** Takes everything above the last mark, and the mark. */
  popMark(): Described[] {
    const start = this.#marks.pop();
    if (start === undefined) throw this.malformed("an instruction that needs a mark where there is none");
    this.#floor = this.#marks.at(-1) ?? 0;
    return this.stack.splice(start);
  }

  /** Takes back the last mark if nothing is above it. @returns whether it did */
  dropMark(): boolean {
    if (this.#marks.length === 0 || this.stack.length > this.#floor) return false;
    this.popMark();
    return true;
  }

  remember(index: number): void {
    this.memo.set(index, this.top());
  }

  recall(index: number): void {
    const value = this.memo.get(index);
    if (value === undefined) throw this.malformed(`a reference to value ${index}, which it never stored`);
    this.push(value);
  }

  // ---- What may be spent

  /** A new object. */
  made<T extends Described>(value: T): T {
    this.#objects++;
    if (this.#objects > objectLimit) throw this.#beyond(`its pickle makes more than ${objectLimit} objects`);
    return value;
  }

  /** Copying `count` elements out of a value that may be referred to again: a pickle that does so over and over would grow without end. */
  copied(count: number): void {
    this.#copies += count;
    if (this.#copies > 1024 + 4 * this.bytes.length)
      throw this.#beyond("its pickle copies the same values again and again");
  }

  tensor(description: TensorDescription): TensorDescription {
    const { maxBytes } = this.rules;
    this.#tensorBytes += description.bytes;
    if (this.#tensorBytes > maxBytes) {
      const { shape, dtype } = description;
      throw this.#beyond(
        `its tensors take more than ${maxBytes} bytes when they are laid out (one is [${shape.join(", ")}] of ${dtype})`,
        "allow more through `maxBytes` if the file is to be trusted",
      );
    }
    return this.made(description);
  }

  #beyond(found: string, hint?: string): Error {
    return damaged(this.file, "limit_exceeded", found, { hint });
  }

  /** The error for a pickle that has `found` in it. */
  malformed(found: string, remarks: Remarks = {}): Error {
    return damaged(this.file, "malformed_pickle", `its pickle has ${found} (byte ${this.at})`, remarks);
  }

  forbidden(what: string): Error {
    return damaged(this.file, "forbidden_global", `its pickle asks for ${what}`, {
      expected: "tensors and plain values",
      hint:
        "a file that names anything else can run any program when Python opens it; have its author save the weights alone" +
        " (torch.save(model.state_dict(), …))",
    });
  }
}
