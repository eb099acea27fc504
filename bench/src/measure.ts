/**
 * One row: both sides in processes of their own, taking turns (A B, B A, A B …) so that whatever else the machine does hits both alike.
 * Each turn repeats the work for about half a second, equally often on both sides, and counts as its median.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { Peer } from "./peer.js";
import type { Row } from "./rows.js";
import { discrepancy, median } from "./statistics.js";

export interface Side {
  /** Of one of what the row names; one number a round. */
  readonly seconds: readonly number[];
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
  readonly rounds: number;
  /** A turn repeats the work until about this many seconds have passed. */
  readonly turnSeconds: number;
}

/** A moment in which the other side's threads, which wait actively for a while, fall asleep. */
const rest = 60;

/** @param tensors path at which the sides exchange weights and inputs */
export async function measureRow(
  row: Row,
  sides: readonly Command[],
  tensors: string,
  protocol: Protocol,
): Promise<Measurement> {
  const peers = sides.map(({ name, command, args }) => new Peer(name, command, args));
  try {
    return await takeTurns(peers, row, tensors, protocol);
  } finally {
    for (const peer of peers) peer.stop();
  }
}

async function takeTurns(
  peers: readonly Peer[],
  row: Row,
  tensors: string,
  { threads, rounds, turnSeconds }: Protocol,
): Promise<Measurement> {
  const { name: _, perRun, ...work } = row;
  const numbers: (readonly number[])[] = [];
  const single: number[] = [];
  for (const peer of peers) {
    await peer.ask({ do: "hello", threads });
    numbers.push((await peer.ask({ do: "prepare", tensors, ...work })).numbers);
  }
  for (const peer of peers) {
    await sleep(rest);
    single.push(median((await peer.ask({ do: "measure", repetitions: 2 })).seconds));
  }
  const repetitions = Math.max(1, Math.round(turnSeconds / Math.max(...single)));
  const seconds = peers.map(() => [] as number[]);
  for (let round = 0; round < rounds; round++) {
    const order = peers.map((_, side) => side);
    for (const side of round % 2 === 0 ? order : order.reverse()) {
      await sleep(rest);
      const turn = await peers[side]!.ask({ do: "measure", repetitions });
      seconds[side]!.push(median(turn.seconds) / perRun);
    }
  }
  const measured: Side[] = [];
  for (const [side, peer] of peers.entries()) {
    measured.push({ seconds: seconds[side]!, peakBytes: (await peer.ask({ do: "memory" })).peakBytes });
  }
  const [ours, theirs] = numbers;
  return {
    typescript: measured[0]!,
    python: measured[1],
    discrepancy: theirs === undefined ? undefined : discrepancy(ours!, theirs),
  };
}
