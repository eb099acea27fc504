/**
 * One row: both sides in processes of their own, taking turns (A B, B A, A B …) so that whatever else the machine does hits both alike.
 * Repeated work: each turn repeats it for about half a second, equally often on both sides, and counts as its median.
 * Work that begins with a checkpoint file: each turn is a new process.
 */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Peer } from "./peer.js";
import type { FreshRow, RepeatedRow, Row } from "./rows.js";
import { discrepancy, median } from "./statistics.js";

export interface Side {
  /** Of one of what the row names; one number a round. */
  readonly seconds: readonly number[];
  /** Since the work was prepared; of a new process, the whole of it (the median of its turns). */
  readonly peakBytes: number;
}

export interface Measurement {
  readonly typescript: Side;
  readonly python: Side | undefined;
  /** How far the numbers that the two sides computed are apart, relative to the largest. */
  readonly discrepancy: number | undefined;
}

/** How to start a side's worker. */
export interface Command {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
}

export interface Protocol {
  readonly threads: number;
  /** At most; rows may have fewer. */
  readonly rounds: number;
  /** A turn repeats the work until about this many seconds have passed. */
  readonly turnSeconds: number;
}

/** A moment in which the other side's threads, which wait actively for a while, fall asleep. */
const rest = 60;

/** @param folder in which the sides exchange weights and inputs */
export async function measureRow(
  row: Row,
  sides: readonly Command[],
  folder: string,
  protocol: Protocol,
): Promise<Measurement> {
  const limited = { ...protocol, rounds: Math.min(protocol.rounds, row.rounds ?? protocol.rounds) };
  return "counts" in row ? measureFresh(row, sides, folder, limited) : measureRepeated(row, sides, folder, limited);
}

function start({ name, command, args }: Command): Peer {
  return new Peer(name, command, args);
}

async function measureRepeated(
  row: RepeatedRow,
  sides: readonly Command[],
  folder: string,
  protocol: Protocol,
): Promise<Measurement> {
  const peers = sides.map(start);
  try {
    return await repeatInTurns(peers, row, join(folder, "tensors.safetensors"), protocol);
  } finally {
    await Promise.all(peers.map((peer) => peer.stop()));
  }
}

async function repeatInTurns(
  peers: readonly Peer[],
  { perRun, ...row }: RepeatedRow,
  tensors: string,
  { threads, rounds, turnSeconds }: Protocol,
): Promise<Measurement> {
  const numbers: (readonly number[])[] = [];
  const single: number[] = [];
  for (const peer of peers) {
    await peer.ask({ do: "hello", threads });
    numbers.push((await peer.ask({ do: "prepare", tensors, ...row })).numbers);
  }
  for (const peer of peers) {
    await sleep(rest);
    single.push(median((await peer.ask({ do: "measure", repetitions: row.slow ? 1 : 2 })).seconds));
  }
  const repetitions = Math.max(1, Math.round(turnSeconds / Math.max(...single)));
  const seconds = peers.map(() => [] as number[]);
  for (const side of turns(peers.length, rounds)) {
    await sleep(rest);
    const turn = await peers[side]!.ask({ do: "measure", repetitions });
    seconds[side]!.push(median(turn.seconds) / perRun);
  }
  const measured: Side[] = [];
  for (const [side, peer] of peers.entries()) {
    measured.push({ seconds: seconds[side]!, peakBytes: (await peer.ask({ do: "memory" })).peakBytes });
  }
  return compared(measured, numbers);
}

async function measureFresh(
  { counts, ...row }: FreshRow,
  sides: readonly Command[],
  folder: string,
  { threads, rounds }: Protocol,
): Promise<Measurement> {
  const checkpoint = await exchangeCheckpoint(row, sides, folder);
  const results = sides.map(() => ({
    seconds: [] as number[],
    peaks: [] as number[],
    numbers: [] as readonly number[],
  }));
  for (const side of turns(sides.length, rounds)) {
    await sleep(rest);
    const began = performance.now();
    const peer = start(sides[side]!);
    try {
      await peer.ask({ do: "hello", threads });
      const { numbers, seconds } = await peer.ask({ do: "once", checkpoint, ...row });
      const elapsed = (performance.now() - began) / 1000;
      const result = results[side]!;
      result.numbers = numbers;
      result.seconds.push(counts === "process" ? elapsed : seconds);
      result.peaks.push((await peer.ask({ do: "memory" })).peakBytes);
    } finally {
      await peer.stop();
    }
  }
  return compared(
    results.map(({ seconds, peaks }) => ({ seconds, peakBytes: median(peaks) })),
    results.map(({ numbers }) => numbers),
  );
}

/** Weights drawn by the TypeScript side, in a file of the Python side's making if there is one. */
async function exchangeCheckpoint(
  row: Omit<FreshRow, "counts">,
  [typescript, python]: readonly Command[],
  folder: string,
): Promise<string> {
  const tensors = join(folder, "weights.safetensors");
  const author = start(typescript!);
  await author.ask({ do: "write-tensors", tensors, ...row }).finally(() => author.stop());
  if (python === undefined) return tensors;
  const checkpoint = join(folder, "weights.pt");
  const writer = start(python);
  await writer.ask({ do: "write-checkpoint", tensors, checkpoint }).finally(() => writer.stop());
  return checkpoint;
}

/** Whose turn it is: 0 1, 1 0, 0 1 … */
function* turns(sides: number, rounds: number): Generator<number> {
  const order = Array.from({ length: sides }, (_, side) => side);
  for (let round = 0; round < rounds; round++) yield* round % 2 === 0 ? order : order.toReversed();
}

function compared(sides: readonly Side[], numbers: readonly (readonly number[])[]): Measurement {
  const [ours, theirs] = numbers;
  return {
    typescript: sides[0]!,
    python: sides[1],
    discrepancy: theirs === undefined ? undefined : discrepancy(ours!, theirs),
  };
}
