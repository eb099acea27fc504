/** Reading pickles that stand alone, and hearing why one is refused. */
import { CheckpointError } from "@rfmedsam/base";
import { expect } from "vitest";
import { globals } from "../checkpoint/globals.js";
import { unpickle } from "../checkpoint/pickle.js";
import type { PickleRules } from "../checkpoint/pickle-machine.js";
import type { Described } from "../checkpoint/pickle-values.js";
import type { DamagedCheckpoint, ProblemKind } from "../checkpoint/problems.js";
import { StorageTable } from "../checkpoint/storage-table.js";

const file = "test.pkl";

/** By default every storage is there, and tensors may take a mebibyte. */
export function readPickle(bytes: Uint8Array, rules: Partial<PickleRules> = {}): Described {
  const table = new StorageTable(file);
  const storage: PickleRules["storage"] = (id) => table.find(id);
  return unpickle(bytes, { file, globals, storage, exhausted: "malformed_pickle", maxBytes: 2 ** 20, ...rules }).value;
}

/** What a refused pickle is refused for. */
export function refusalOf(bytes: Uint8Array, rules: Partial<PickleRules> = {}): ProblemKind {
  try {
    readPickle(bytes, rules);
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    expect((error as CheckpointError).file).toBe(file);
    expect((error as CheckpointError).message.length).toBeLessThan(2000);
    return (error as DamagedCheckpoint).kind;
  }
  throw new Error("it was read");
}
