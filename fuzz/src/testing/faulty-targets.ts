/** Targets that fail on purpose, each in its own way: what the fuzzer must find, and what it must not. */
import { FormatError } from "@rfmedsam/base";
import { Nonsense, type Target } from "../target.js";

const kept: unknown[] = [];

/** How a parser fails on a file with an exclamation mark in it. */
const failures: Readonly<Record<string, () => unknown>> = {
  untyped: () => {
    throw new TypeError("undefined is not a function");
  },
  nonsense: () => {
    throw new Nonsense("-1 voxels");
  },
  slow: () => {
    const start = process.cpuUsage();
    for (let spent = 0; spent < 1.2e6; ) {
      const { user, system } = process.cpuUsage(start);
      spent = user + system;
    }
  },
  memory: () => kept.push(new Uint8Array(200e6)),
  hang: () => {
    for (;;);
  },
  death: () => process.abort(),
  "late-death": () => {
    setImmediate(() => {
      throw new Error("nobody waits for this");
    });
  },
};

function target(name: string, fail: () => unknown): Target {
  return {
    name,
    seeds: () => [new TextEncoder().encode("a text of a few words, sound and complete")],
    tokens: ["!"],
    parse(bytes) {
      if (bytes.includes(0x21)) return fail();
      if (bytes[0] !== 0x61) throw new FormatError({ found: "a text that starts with another letter than a" });
    },
  };
}

/** Only whoever keeps what reaches new code gets to the end: all four letters at once would need some 10¹⁰ attempts. */
const maze: Target = {
  name: "maze",
  seeds: () => [new TextEncoder().encode("entry")],
  tokens: ["M", "A", "Z", "E"],
  parse(bytes) {
    if (bytes[0] === 0x4d) if (bytes[1] === 0x41) if (bytes[2] === 0x5a) if (bytes[3] === 0x45) throw new Error("out");
  },
};

export const targets: readonly Target[] = [
  ...Object.entries(failures).map(([name, fail]) => target(name, fail)),
  target("sound", () => {}),
  maze,
];
