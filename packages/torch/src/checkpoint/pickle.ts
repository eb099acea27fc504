/**
 * Reads a pickle as plain data. It is a program for a small stack machine (pickle-opcodes.ts) which here can make nothing but
 * values, and call nothing but the rows of a table (globals.ts). One loop, no recursion; time and memory grow with the pickle's
 * bytes, whatever it claims.
 */
import { Machine, type PickleRules } from "./pickle-machine.js";
import { instructions } from "./pickle-opcodes.js";
import { checkStructure } from "./pickle-structure.js";
import type { Described } from "./pickle-values.js";

export interface Unpickled {
  readonly value: Described;
  /** The byte behind the pickle. */
  readonly end: number;
}

const stop = 0x2e;

/** @throws CheckpointError for anything but data (see `ProblemKind`) */
export function unpickle(bytes: Uint8Array, rules: PickleRules): Unpickled {
  const machine = new Machine(bytes, rules);
  run(machine);
  const value = machine.pop();
  checkStructure(rules.file, value);
  return { value, end: machine.at };
}

function run(machine: Machine): void {
  for (let byte = machine.uint8(); byte !== stop; byte = machine.uint8()) {
    const instruction = instructions[byte];
    if (instruction === undefined)
      throw machine.malformed(`the instruction 0x${byte.toString(16)}, which torch.save never writes`);
    instruction(machine);
  }
}
