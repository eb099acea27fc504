import type { Command } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { exitCodes } from "../faults.js";
import { wholeNumber } from "../options/parsers.js";
import { formatDuration } from "../ui/format.js";
import { declare } from "./command.js";

interface Options {
  readonly output: string;
  readonly cases?: number;
  readonly test?: number;
}

/** `rfmedsam demo` */
export function demo(context: ContextOf): Command {
  return declare({
    name: "demo",
    summary: "the whole path on phantoms, in a few minutes",
    description:
      "Makes phantoms, trains on some, segments the others with every stage, compares with the truth, and writes a page " +
      "with tables and pictures. Stopped with Ctrl-C, the same command goes on. Ends with code 1 when the goal is missed.",
    examples: [["rfmedsam demo", "everything goes to demo-output; open demo-output/report.html"]],
  })
    .option("-o, --output <folder>", "where everything goes", "demo-output")
    .option("--cases <count>", "phantoms to train on", wholeNumber(1))
    .option("--test <count>", "held-out phantoms", wholeNumber(1))
    .action(async (options: Options) => {
      const running = context();
      const { ui, signal, options: global } = running;
      const { device, seed } = global;
      await startEngine(running);
      const { runDemo } = await import("@rfmedsam/training");
      const { dice, cost, verdict, report, seconds } = await runDemo({
        ...options,
        device,
        seed,
        progress: ui.progress,
        signal,
      });
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      ui.result(
        `${renderText(dice)}\n${renderText(cost)}\n${verdict.sentence}\n${report} (${formatDuration(seconds)} in all)`,
        { command: "demo", report, seconds, ...verdict, dice: tableToJson(dice), cost: tableToJson(cost) },
      );
      if (!verdict.reached) running.exitCode = exitCodes.system;
    });
}
