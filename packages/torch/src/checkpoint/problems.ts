/**
 * How readers of weight files refuse a file: a `CheckpointError` with a kind, so that a test (or a caller who sorts files) can tell
 * a cut file from one that tries to run a program without reading the sentence.
 */
import { inspect } from "node:util";
import { CheckpointError, type ErrorFacts } from "@rfmedsam/base";

/** Every reason to refuse a file. */
export type ProblemKind =
  /** Neither of the formats that are understood. */
  | "unknown_format"
  /** The file ends too early. */
  | "truncated"
  /** Something follows what should be the end. */
  | "trailing_data"
  /** Numbers in another byte order. */
  | "unsupported_byteorder"
  /** Safetensors: a header that is not what the format demands. */
  | "malformed_header"
  /** An archive whose directory is damaged, contradicts itself or asks for what is not supported. */
  | "malformed_zip"
  /** An archive without a record that should be there. */
  | "missing_entry"
  /** A record whose bytes are not the ones that were written. */
  | "crc_mismatch"
  /** A pickle that is damaged or does what no checkpoint does. */
  | "malformed_pickle"
  /** A pickle that names a function or class that is not on the list. */
  | "forbidden_global"
  | "storage_too_short"
  | "storage_size_mismatch"
  | "tensor_out_of_storage"
  | "invalid_shape"
  /** A shape whose number of bytes no computer can count. */
  | "shape_overflow"
  /** An element that its type does not have. */
  | "invalid_value"
  /** More memory, depth or objects than the caller (or good sense) allows. */
  | "limit_exceeded"
  /** A sound file that holds something else than a model's weights. */
  | "no_state_dict";

/** A `CheckpointError` that knows its kind. Callers see a `CheckpointError`. @internal */
export class DamagedCheckpoint extends CheckpointError {
  constructor(
    readonly kind: ProblemKind,
    facts: ErrorFacts,
  ) {
    super(facts);
    this.name = CheckpointError.name;
  }
}

/** What a sound file has instead, what to do, and the error behind it. */
export type Remarks = Pick<ErrorFacts, "expected" | "hint" | "cause">;

/** The error for `file`, to be thrown. @internal */
export function damaged(file: string, kind: ProblemKind, found: string, remarks: Remarks = {}): DamagedCheckpoint {
  return new DamagedCheckpoint(kind, { file, found, ...remarks });
}

/** What somebody put into a file, however much it is. @internal */
export function glimpse(value: unknown): string {
  return inspect(value, { depth: 2, maxArrayLength: 8, maxStringLength: 100, breakLength: Number.POSITIVE_INFINITY });
}
