import { Command } from "commander";
import type { ContextOf } from "../context.js";
import { datasetCheck } from "./dataset-check.js";
import { datasetConvert } from "./dataset-convert.js";

/** A command that has commands of its own: they print and fail as it does. */
class CommandGroup extends Command {
  override copyInheritedSettings(source: Command): this {
    super.copyInheritedSettings(source);
    for (const command of this.commands) (command as Command).copyInheritedSettings(this);
    return this;
  }
}

/** `rfmedsam dataset convert` and `rfmedsam dataset check` */
export function dataset(context: ContextOf): Command {
  return new CommandGroup("dataset")
    .summary("bring published data sets into nnU-Net's layout, and look for faults in one")
    .description("What is to be done to a data set before anything is trained on it.")
    .addCommand(datasetConvert(context))
    .addCommand(datasetCheck(context));
}
