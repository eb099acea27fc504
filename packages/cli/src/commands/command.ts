/** What all commands have in common: how they are declared. */
import { Command } from "commander";

export interface Declaration {
  readonly name: string;
  /** One line in the list of commands. */
  readonly summary: string;
  /** What stands under it in its own help. */
  readonly description: string;
  /** Command lines with what they do. */
  readonly examples: readonly (readonly [command: string, what: string])[];
}

export function declare({ name, summary, description, examples }: Declaration): Command {
  const lines = examples.map(([command, what]) => `  # ${what}\n  ${command}`);
  return new Command(name)
    .summary(summary)
    .description(description)
    .addHelpText("after", `\nExamples:\n${lines.join("\n")}\n`);
}
