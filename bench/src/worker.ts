/** The TypeScript side of the bench; see protocol.ts. Run with --expose-gc, so that the peak of memory can start from what is in use. */
import { createInterface } from "node:readline";
import { peakMemory, resetPeakMemory } from "@rfmedsam/base/node";
import { getNumThreads, libtorchVersion, setNumThreads, writeSafetensors } from "@rfmedsam/torch";
import type { Answers, Request } from "./protocol.js";
import { drawWeights, runOnce } from "./works/checkpoints.js";
import { prepare, type Work } from "./works/index.js";

let work: Work | undefined;

async function answer(request: Request): Promise<Answers[Request["do"]]> {
  switch (request.do) {
    case "hello":
      setNumThreads(request.threads);
      return { runtime: `Node.js ${process.versions.node}`, torch: libtorchVersion(), threads: getNumThreads() };
    case "prepare": {
      work = await prepare(request);
      await writeSafetensors(request.tensors, work.tensors);
      const numbers = work.run();
      globalThis.gc?.(); // garbage is left out: node runs with --expose-gc
      resetPeakMemory();
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
      return { peakBytes: peakMemory() };
    case "write-tensors":
      await writeSafetensors(request.tensors, drawWeights(request));
      return {};
    case "write-checkpoint":
      throw new RangeError("checkpoints are written by the Python side");
    case "once": {
      const start = performance.now();
      const numbers = await runOnce(request, request.checkpoint);
      return { numbers, seconds: (performance.now() - start) / 1000 };
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await answer(JSON.parse(line) as Request))}\n`);
}
