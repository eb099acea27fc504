/**
 * The command line as a function: arguments in, exit code out. Everything a command needs is loaded when it runs, so that `--help` and
 * mistakes in the arguments answer at once.
 */
import { availableParallelism } from "node:os";
import { Command, CommanderError } from "commander";
import { ablate } from "./commands/ablate.js";
import { convert } from "./commands/convert.js";
import { convertWeights } from "./commands/convert-weights.js";
import { dataset } from "./commands/dataset.js";
import { demo } from "./commands/demo.js";
import { doctor } from "./commands/doctor.js";
import { evaluate } from "./commands/evaluate.js";
import { everything } from "./commands/everything.js";
import { info } from "./commands/info.js";
import { inspect } from "./commands/inspect.js";
import { models } from "./commands/models.js";
import { phantom } from "./commands/phantom.js";
import { plan } from "./commands/plan.js";
import { prompt } from "./commands/prompt.js";
import { recipe } from "./commands/recipe.js";
import { report } from "./commands/report.js";
import { segment } from "./commands/segment.js";
import { stress } from "./commands/stress.js";
import { train } from "./commands/train.js";
import { upperBound } from "./commands/upper-bound.js";
import type { Context, ContextOf, GlobalOptions } from "./context.js";
import { exitCodeOf, exitCodes } from "./faults.js";
import { wholeNumber } from "./options/parsers.js";
import { makeUi, type Output, type Ui } from "./ui/ui.js";
import { ownVersion } from "./version.js";

/** What the command line touches of its process. */
export interface Surroundings {
  readonly stdout: Output;
  readonly stderr: Output;
  /** Raised to stop the command after its current step. */
  readonly signal: AbortSignal;
}

const commands: readonly ((context: ContextOf) => Command)[] = [
  phantom,
  dataset,
  plan,
  recipe,
  train,
  report,
  segment,
  evaluate,
  stress,
  upperBound,
  ablate,
  prompt,
  everything,
  models,
  inspect,
  convert,
  convertWeights,
  info,
  doctor,
  demo,
];

/**
 * Runs one command line.
 *
 * @param args without the program's own name
 * @returns the exit code: 0, 2 for what the user can put right, 1 for faults of the machine and of this program
 */
export async function rfmedsam(args: readonly string[], surroundings: Surroundings): Promise<number> {
  const { stdout, stderr, signal } = surroundings;
  // Mistakes in the arguments are told in the same way as all others, so this is known before they are parsed.
  const [json, debug] = [args.includes("--json"), args.includes("--debug")];
  const ui = makeUi({ stdout, stderr, json, debug });
  let context: Context | undefined;
  const program = makeProgram(surroundings, () => {
    context ??= { ui, signal, options: program.opts<GlobalOptions>(), exitCode: 0 };
    return context;
  });
  try {
    await program.parseAsync([...args], { from: "user" });
    return context?.exitCode ?? 0;
  } catch (error) {
    return end(error, ui);
  } finally {
    ui.close();
  }
}

function end(error: unknown, ui: Ui): number {
  const code = exitCodeOf(error);
  // Help has been shown; asked for or not, there is nothing to add.
  const shown = error instanceof CommanderError && (code === 0 || error.code === "commander.help");
  if (!shown) ui.failure(error);
  return shown && code !== 0 ? exitCodes.user : code;
}

function makeProgram({ stdout, stderr }: Surroundings, context: ContextOf): Command {
  const program = new Command("rfmedsam")
    .description(
      "Segments the organs in medical volumes with RFMedSAM 2: U-Net prompts, SAM 2 with adapters, two refinements.",
    )
    .version(ownVersion(), "--version", "print the version")
    .option("--device <name>", "auto, cpu, cuda, cuda:1 …", "auto")
    .option("--threads <count>", "threads on the CPU", wholeNumber(1), availableParallelism())
    .option("--seed <number>", "seed of everything random", wholeNumber(0), 0)
    .option("--json", "one JSON object per line on stdout: progress, note, result, error", false)
    .option("--debug", "show where an error comes from", false)
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({
      writeOut: (text) => stdout.write(text),
      writeErr: (text) => stderr.write(text),
      // `end` tells errors, as it does all others.
      outputError: () => {},
    })
    .exitOverride()
    .addHelpText("after", firstSteps);
  for (const command of commands) program.addCommand(command(context).copyInheritedSettings(program));
  return program;
}

const firstSteps = `
First steps:
  # does everything work here?
  rfmedsam doctor
  # the whole path on made-up scans, a few minutes
  rfmedsam demo
  # your own data, in nnU-Net's layout
  rfmedsam train DATASET -o model
  rfmedsam segment ct.nii.gz -m model -o labels
  rfmedsam evaluate labels reference

\`rfmedsam COMMAND --help\` shows the options and examples of a command.
`;
