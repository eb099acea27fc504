import { type Command, Option } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { exitCodes } from "../faults.js";
import { everyKey } from "../options/configuration.js";
import { collect, wholeNumber } from "../options/parsers.js";
import { applySettings, parseSettings } from "../options/settings.js";
import { formatDuration } from "../ui/format.js";
import { declare } from "./command.js";

interface Options {
  readonly output: string;
  readonly cases?: number;
  readonly test?: number;
  readonly restart?: boolean;
  readonly set: readonly string[];
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
    .option("--restart", "throw away a stopped demonstration in the output folder, and start anew")
    .addOption(
      new Option("--set <key.path=value>", `change one value of the training; may be given several times (${everyKey})`)
        .argParser(collect)
        .default([], "none"),
    )
    .action(async ({ set, ...options }: Options) => {
      const running = context();
      const { ui, signal, options: global } = running;
      const { device, seed } = global;
      const settings = await parseSettings(set);
      await startEngine(running);
      const training = await import("@rfmedsam/training");
      const changed = settings.length > 0 && {
        configuration: training.resolveConfiguration("demo", applySettings({}, settings), "--set"),
      };
      const { dice, cost, verdict, report, seconds } = await training
        .runDemo({
          ...options,
          ...changed,
          device,
          seed,
          progress: ui.progress,
          signal,
        })
        // The steps say how the command of their name goes on.
        .catch(training.sayHowToGoOn);
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      ui.result(
        `${renderText(dice)}\n${renderText(cost)}\n${verdict.sentence}\n${report} (${formatDuration(seconds)} in all)`,
        { command: "demo", report, seconds, ...verdict, dice: tableToJson(dice), cost: tableToJson(cost) },
      );
      if (!verdict.reached) running.exitCode = exitCodes.system;
    });
}
