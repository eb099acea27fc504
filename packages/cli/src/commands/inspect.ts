import type { InspectedWeights, WeightsModel } from "@rfmedsam/engine";
import type { Command } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { formatBytes } from "../ui/format.js";
import { declare } from "./command.js";
import { listing } from "./info/description.js";

interface Options {
  readonly all?: boolean;
}

/** `rfmedsam inspect FILE` */
export function inspect(context: ContextOf): Command {
  return declare({
    name: "inspect",
    summary: "what is in a file of weights, and which model it is",
    description:
      "Reads safetensors and PyTorch's format (.pt, .pth), by content. Only descriptions are read, and nothing in the file is ever run: " +
      "a file that tries to is refused.",
    examples: [
      ["rfmedsam inspect sam2.1_hiera_tiny.pt", "format, model, the first and last tensors"],
      ["rfmedsam inspect model.safetensors --all --json", "everything, for a script"],
    ],
  })
    .argument("<file>", "a file of weights")
    .option("--all", "list every tensor")
    .action(async (file: string, { all = false }: Options) => {
      const running = context();
      await startEngine(running);
      const { inspectWeights } = await import("@rfmedsam/engine");
      const { renderText } = await import("@rfmedsam/metrics");
      const inspected = await inspectWeights(file);
      const { describeDifferences } = await import("@rfmedsam/models");
      const model = inWords(inspected.model, describeDifferences);
      const tensors = [...inspected.tensors].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
      const shown = all || tensors.length <= 2 * few ? tensors : [...tensors.slice(0, few), ...tensors.slice(-few)];
      const table = renderText({
        columns: [{ name: "tensor" }, { name: "type" }, { name: "shape" }],
        rows: shown.map(({ name, dtype, shape }) => [name, dtype, shape.join("×") || "scalar"]),
      });
      const left = tensors.length - shown.length;
      const more = left > 0 ? `… ${left} more between them (--all lists every one)\n` : "";
      const { tensors: _, model: found, ...facts } = inspected;
      running.ui.result(`${about(inspected, model)}\n${table}${more}`, {
        command: "inspect",
        file,
        ...facts,
        model: found,
        tensors,
      });
    });
}

/** Tensors shown from the beginning, and as many from the end. */
const few = 8;

const formats = {
  safetensors: "safetensors",
  zip: "PyTorch, zip archive",
  legacy: "PyTorch, the format before 1.6",
} as const;

function about(inspected: InspectedWeights, model: string): string {
  const { format, fileBytes, wrapper, tensors, numbers, tensorBytes, dtypes, others, metadata } = inspected;
  const kinds = Object.entries(dtypes).map(([dtype, count]) => `${count} ${dtype}`);
  return listing([
    ["format", `${formats[format]}, ${formatBytes(fileBytes)}`],
    ["weights", wrapper === undefined ? "the file itself" : `under "${wrapper}"`],
    ["model", model],
    ["tensors", `${tensors.size} (${kinds.join(", ")}), ${numbers} numbers, ${formatBytes(tensorBytes)}`],
    ...others.map(({ name, kind }) => ["beside", `${name}: ${kind}`] as const),
    ...Object.entries(metadata).map(([name, text]) => ["metadata", `${name}: ${shortened(text)}`] as const),
  ]);
}

const shortened = (text: string) => (text.length > 100 ? `${text.slice(0, 99)}…` : text);

function inWords(
  model: WeightsModel,
  describe: (differences: Extract<WeightsModel, { kind: "near" }>["differences"]) => string,
): string {
  if (model.kind === "none") return "no SAM 2, SAM or SAM-Med2D";
  if (model.kind === "near") {
    const nearest = model.name === undefined ? "not what its metadata says" : `none exactly; nearest is ${model.name}`;
    return `${nearest} (${describe(model.differences)})`;
  }
  const { family, config } = model.architecture;
  return `${model.name ?? `of the family ${family}, configured in the file`}, images of ${config.imageSize}×${config.imageSize}`;
}
