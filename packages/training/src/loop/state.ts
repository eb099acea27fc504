/**
 * The saved state of a training: one safetensors file with the weights, the optimiser's memory, the averaged weights and the curve, so
 * that going on gives the same numbers bit for bit (on the CPU). A checksum over all tensors tells a damaged file from a sound one.
 *
 * While a state is written the one before lies beside it (`NAME.previous.safetensors`) and stays there: whatever stops the writing, or
 * damages one file later, one of the two can be gone on from.
 */
import { existsSync } from "node:fs";
import { rename } from "node:fs/promises";
import { CheckpointError, FileError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import {
  type Module,
  noGrad,
  type Optimizer,
  readSafetensors,
  readSafetensorsHeader,
  scope,
  type Tensor,
  type WeightAverage,
  writeSafetensors,
} from "@rfmedsam/torch";
import { checksum } from "./checksum.js";

/** Figures of every n-th step. */
export interface Curve {
  readonly iterations: number[];
  readonly values: Record<string, number[]>;
}

/** Where a training is. */
export interface LoopState {
  /** Steps done. */
  readonly iteration: number;
  readonly curve: Curve;
  /** Moving averages of the figures. */
  readonly running: Readonly<Record<string, number>>;
}

/** What holds the numbers. */
export interface Learners {
  readonly model: Module;
  readonly optimizer: Optimizer;
  readonly average?: WeightAverage | undefined;
}

export interface ResumedState extends LoopState {
  /** What was wrong with a newer state that could not be used. */
  readonly damage?: CheckpointError | undefined;
}

export const previousState = (file: string): string => file.replace(/(\.safetensors)?$/, ".previous.safetensors");

/** Writes a state, whole or not at all. @throws ResourceError when the disk is full; the state before stays */
export async function saveState(file: string, learners: Learners, state: LoopState): Promise<void> {
  const [tensors, made] = tensorsOf(learners);
  const copies = noGrad(() =>
    scope(
      () => new Map([...tensors].map(([name, value]) => [name, value.detach().to({ device: "cpu" }).contiguous()])),
    ),
  );
  for (const value of made) value.free();
  try {
    if (existsSync(file)) await rename(file, previousState(file));
    await writeSafetensors(file, copies, { state: JSON.stringify(state), sha256: checksum(copies) });
  } catch (cause) {
    throw fileErrorOf(cause, file);
  } finally {
    for (const value of copies.values()) value.free();
  }
}

/** All tensors of a state by name, and those among them that were made for it. */
function tensorsOf({ model, optimizer, average }: Learners): [Map<string, Tensor>, Tensor[]] {
  const all = new Map<string, Tensor>();
  const made: Tensor[] = [];
  const add = (prefix: string, state: ReadonlyMap<string, Tensor>, owned: RegExp) => {
    for (const [name, value] of state) {
      all.set(`${prefix}.${name}`, value);
      if (!owned.test(name)) made.push(value);
    }
  };
  add("model", model.stateDict(), /^/);
  add("optimizer", optimizer.stateDict(), /^state\./);
  if (average) add("average", average.stateDict(), /^average\./);
  return [all, made];
}

/**
 * Takes the newest sound state over.
 *
 * @returns where the training goes on; `undefined` if it never saved anything
 * @throws CheckpointError when every state is damaged, or is of another model
 */
export async function resumeState(file: string, learners: Learners): Promise<ResumedState | undefined> {
  let damage: CheckpointError | undefined;
  for (const candidate of [file, previousState(file)].filter(existsSync)) {
    let stored: Stored;
    try {
      stored = await readState(candidate);
    } catch (cause) {
      if (!(cause instanceof CheckpointError || cause instanceof FileError)) throw cause;
      damage ??= unusable(candidate, cause);
      continue;
    }
    takeOver(candidate, stored, learners);
    // The next state must not push the only sound one out.
    if (candidate !== file) await rename(candidate, file);
    return { ...stored.state, damage };
  }
  if (damage !== undefined) throw damage;
  return undefined;
}

function unusable(file: string, cause: CheckpointError | FileError): CheckpointError {
  return new CheckpointError({
    file,
    found: `the saved state of a training cannot be used (${cause.found})`,
    expected: "the file as it was written",
    hint: "delete this file to train this network from its start (the other parts of the run stay), or add --restart to start the whole run anew",
    cause,
  });
}

interface Stored {
  readonly tensors: ReadonlyMap<string, Tensor>;
  readonly state: LoopState;
}

async function readState(file: string): Promise<Stored> {
  const { metadata } = await readSafetensorsHeader(file);
  const tensors = await readSafetensors(file);
  try {
    if (checksum(tensors) !== metadata.sha256) {
      throw new CheckpointError({ file, found: "its checksum is not that of its contents" });
    }
    return { tensors, state: parseState(file, metadata.state) };
  } catch (cause) {
    for (const value of tensors.values()) value.free();
    throw cause;
  }
}

function parseState(file: string, text: string | undefined): LoopState {
  try {
    const state = JSON.parse(text ?? "") as LoopState;
    if (Number.isInteger(state.iteration) && Array.isArray(state.curve.iterations)) return state;
  } catch {
    // told below, as any other text that is no state
  }
  throw new CheckpointError({ file, found: "it does not say where the training is" });
}

function takeOver(file: string, { tensors }: Stored, { model, optimizer, average }: Learners): void {
  const part = (prefix: string) =>
    new Map(
      [...tensors]
        .filter(([name]) => name.startsWith(prefix))
        .map(([name, value]) => [name.slice(prefix.length), value]),
    );
  try {
    scope(() => {
      model.loadStateDict(part("model."), { file });
      optimizer.loadStateDict(part("optimizer."), { file });
      average?.loadStateDict(part("average."), { file });
    });
  } finally {
    for (const value of tensors.values()) value.free();
  }
}
