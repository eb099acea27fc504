/** The TypeScript side of the bench; see protocol.ts. Run with --expose-gc, so that the peak of memory can start from what is in use. */
import { readFileSync, writeFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { getNumThreads, libtorchVersion, setNumThreads, writeSafetensors } from "@rfmedsam/torch";
import type { Answers, Request } from "./protocol.js";
import { prepare, type Work } from "./works/index.js";

let work: Work | undefined;

/** Linux: the peak of resident memory starts again at what is resident now. */
function forgetPeak(): void {
  globalThis.gc?.();
  try {
    writeFileSync("/proc/self/clear_refs", "5");
  } catch {
    // elsewhere the peak is that of the whole process
  }
}

function peakBytes(): number {
  try {
    const [, kilobytes] = /^VmHWM:\s+(\d+)/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
    if (kilobytes !== undefined) return Number(kilobytes) * 1024;
  } catch {
    // not Linux
  }
  return process.resourceUsage().maxRSS * 1024;
}

async function answer(request: Request): Promise<Answers[Request["do"]]> {
  switch (request.do) {
    case "hello":
      setNumThreads(request.threads);
      return { runtime: `Node.js ${process.versions.node}`, torch: libtorchVersion(), threads: getNumThreads() };
    case "prepare": {
      work = await prepare(request);
      await writeSafetensors(request.tensors, work.tensors);
      const numbers = work.run();
      forgetPeak();
      return { numbers };
    }
    case "measure": {
      const seconds: number[] = [];
      for (let i = 0; i < request.repetitions; i++) {
        const start = performance.now();
        work?.run();
        seconds.push((performance.now() - start) / 1000);
      }
      return { seconds };
    }
    case "memory":
      return { peakBytes: peakBytes() };
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`);
}
