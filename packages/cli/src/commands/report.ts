import { join } from "node:path";
import type { Command } from "commander";
import type { ContextOf } from "../context.js";
import { declare } from "./command.js";

/** `rfmedsam report RUN` */
export function report(context: ContextOf): Command {
  return declare({
    name: "report",
    summary: "one page about a training, finished or not",
    description:
      "Writes an HTML file with everything inside: how far the training is, curves, validation per label and stage with intervals, " +
      "what was chosen for each label and why, time and memory of every stage (predicted and at most), configuration, plan and versions.",
    examples: [
      ["rfmedsam report model", "model/log/report.html"],
      ["rfmedsam report model -o training.html", "somewhere else; an earlier page is replaced"],
    ],
  })
    .argument("<run>", "model folder that `rfmedsam train -o` made or is making")
    .option("-o, --output <file>", "the page (default: RUN/log/report.html)")
    .action(async (run: string, { output }: { output?: string }) => {
      const { ui } = context();
      const { logFolder, renderRunReport } = await import("@rfmedsam/training");
      const { writeFileAtomic } = await import("@rfmedsam/base/node");
      const file = output ?? join(run, logFolder, "report.html");
      await writeFileAtomic(file, await renderRunReport(run));
      ui.result(file, { command: "report", run, file });
    });
}
