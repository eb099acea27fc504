import { ConfigError } from "@rfmedsam/base";
import { type Command, Option } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { everyKey } from "../options/configuration.js";
import { collect, wholeNumber } from "../options/parsers.js";
import { applySettings, parseSettings } from "../options/settings.js";
import { formatDuration } from "../ui/format.js";
import { declare } from "./command.js";

interface Options {
  readonly output?: string;
  readonly needs?: boolean;
  readonly data?: string;
  readonly weights?: string;
  readonly fold?: number | "all";
  readonly restart?: boolean;
  readonly set: readonly string[];
}

function foldOrAll(text: string): number | "all" {
  return text === "all" ? "all" : wholeNumber(0)(text);
}

/** `rfmedsam recipe NAME|FILE --data FOLDER -o OUT` */
export function recipe(context: ContextOf): Command {
  return declare({
    name: "recipe",
    summary: "from raw data to the table of results, with one command",
    description:
      "Converts (or makes) the data, trains, segments with every stage and compares with the truth; ends with a table of step 0, " +
      "stage 1, stage 2 and the final labels, and a page. What a recipe needs from outside is looked for before anything starts. " +
      "Ctrl-C stops; the same command goes on, and does nothing twice.",
    examples: [
      ["rfmedsam recipe", "which recipes there are"],
      ["rfmedsam recipe btcv --needs", "what it needs, where to get it, under which licence"],
      ["rfmedsam recipe phantom -o phantom-run", "needs nothing: it makes its data"],
      ["rfmedsam recipe hippocampus --data Task04_Hippocampus -o run", "from the download, or a converted data set"],
      ["rfmedsam recipe btcv --data RawData --weights sam2.1_hiera_base_plus.pt -o btcv-run", "the paper's scale"],
      ["rfmedsam recipe mine.yaml --data Dataset123_Name -o run --fold all", "a recipe of your own"],
    ],
  })
    .argument("[recipe]", "name of a recipe, or a YAML file; without it all are listed")
    .option("--needs", "say what the recipe needs, and do nothing")
    .option("--data <folder>", "the data as the recipe needs them: a download, or a data set in nnU-Net's layout")
    .option("--weights <file>", "official weights to start from, or the folder they lie in")
    .option("-o, --output <folder>", "where everything goes")
    .option("--fold <k>", "which fold of the recipe's split, from 0, or all (default: the recipe's)", foldOrAll)
    .option("--restart", "throw away what an earlier run made in the output folder, and start anew")
    .addOption(
      new Option("--set <key.path=value>", `change one value of the training; may be given several times (${everyKey})`)
        .argParser(collect)
        .default([], "none"),
    )
    .action(async (name: string | undefined, options: Options, command: Command) => {
      const running = context();
      const { ui, signal, options: global } = running;
      if (name === undefined) return listRecipes(running);
      const settings = await parseSettings(options.set);
      const training = await import("@rfmedsam/training");
      const found = await training.readRecipe(name);
      if (options.needs) {
        return ui.result(training.describeRecipe(found), {
          command: "recipe",
          recipe: found.name,
          gpu: found.needs.gpu,
          needs: training.needsOf(found),
        });
      }
      const { output } = options;
      if (output === undefined) {
        const hint = "add -o FOLDER, or --needs to see what the recipe needs";
        throw new ConfigError({ file: "--output", found: "not given", expected: "the folder for everything", hint });
      }
      await startEngine(running);
      const { parseWithSchema } = await import("@rfmedsam/segmenter");
      const changed = applySettings(found.configuration, settings);
      const configuration = parseWithSchema(training.trainingSchema, changed, { file: "--set" });
      // The recipe's own seed, unless the user asked for another.
      const seeded = command.parent?.getOptionValueSource("seed") === "default" ? {} : { seed: global.seed };
      const { table, stages, report, seconds, evaluation } = await training.runRecipe({
        recipe: found,
        output,
        configuration,
        data: options.data,
        weights: options.weights,
        fold: options.fold,
        restart: options.restart,
        ...seeded,
        device: global.device,
        progress: ui.progress,
        onNote: ui.note,
        signal,
      });
      const { renderText, tableToJson } = await import("@rfmedsam/metrics");
      ui.result(`${renderText(table)}\n${renderText(stages)}\n${report} (${formatDuration(seconds)})`, {
        command: "recipe",
        recipe: found.name,
        output,
        report,
        seconds,
        cases: evaluation.cases,
        table: tableToJson(table),
        stages: tableToJson(stages),
      });
    });
}

async function listRecipes({ ui }: ReturnType<ContextOf>): Promise<void> {
  const { readRecipe, recipeNames } = await import("@rfmedsam/training");
  const { renderText } = await import("@rfmedsam/metrics");
  const recipes = await Promise.all((await recipeNames()).map(readRecipe));
  const rows = recipes.map((each) => [each.name, each.title, each.cost]);
  const columns = ["recipe", "what", "cost"].map((name) => ({ name }));
  ui.result(`${renderText({ columns, rows })}\nNext: rfmedsam recipe NAME --needs`, {
    command: "recipe",
    recipes: recipes.map(({ name, title, summary, cost }) => ({ name, title, summary, cost })),
  });
}
