import type { Command } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { declare } from "./command.js";

/** `rfmedsam models` */
export function models(context: ContextOf): Command {
  return declare({
    name: "models",
    summary: "the official models that can be used",
    description:
      "Lists every official SAM 2, SAM and SAM-Med2D: name, size, and the files its authors publish. Download one of them from where they " +
      "publish it; no weights come with this program.",
    examples: [
      ["rfmedsam models", "all of them"],
      ["rfmedsam models --json", "the same for a script"],
    ],
  }).action(async () => {
    const running = context();
    await startEngine(running);
    const { catalogue, modelFamilies } = await import("@rfmedsam/models");
    const { renderText } = await import("@rfmedsam/metrics");
    const entries = catalogue.map(({ name, title, family, parameters, imageSize, files, wrapper }) => {
      return { name, title, family, parameters, imageSize, files, wrapper: wrapper ?? null };
    });
    const table = renderText({
      columns: ["model", "what", "family", "parameters", "image", "official file"].map((name) => ({ name })),
      rows: entries.map(({ name, title, family, parameters, imageSize, files }) => [
        name,
        title,
        modelFamilies[family].title,
        `${(parameters / 1e6).toFixed(1)} M`,
        `${imageSize}²`,
        files.join(", "),
      ]),
    });
    running.ui.result(
      `${table}\nA file's model is recognised by its tensors, whatever its name: rfmedsam inspect FILE\n`,
      {
        command: "models",
        models: entries,
      },
    );
  });
}
