import type { WeightDtype } from "@rfmedsam/engine";
import { type Command, Option } from "commander";
import { type ContextOf, startEngine } from "../context.js";
import { formatBytes } from "../ui/format.js";
import { declare } from "./command.js";

interface Options {
  readonly dtype?: WeightDtype;
  readonly overwrite?: boolean;
}

/** `rfmedsam convert-weights IN OUT` */
export function convertWeights(context: ContextOf): Command {
  return declare({
    name: "convert-weights",
    summary: "write a checkpoint's weights as safetensors",
    description:
      "Takes the weights out of a .pt or .pth file (or another safetensors file); optimisers and whatever else lies beside them stay behind. " +
      "Values are kept bit for bit unless --dtype asks for another element type.",
    examples: [
      [
        "rfmedsam convert-weights sam2.1_hiera_tiny.pt sam2.1_hiera_t.safetensors",
        "the same weights, safe to open anywhere",
      ],
      ["rfmedsam convert-weights sam_vit_h_4b8939.pth sam_vit_h.safetensors --dtype bfloat16", "half as large"],
    ],
  })
    .argument("<input>", "a file of weights")
    .argument("<output>", "the .safetensors file to write")
    .addOption(
      new Option("--dtype <type>", "element type of the weights (default: as they are)").choices([
        "float32",
        "float16",
        "bfloat16",
      ]),
    )
    .option("--overwrite", "replace the output if it exists")
    .action(async (input: string, output: string, options: Options) => {
      const running = context();
      await startEngine(running);
      const engine = await import("@rfmedsam/engine");
      const { stat } = await import("node:fs/promises");
      const { model, tensors, fileBytes } = await engine.convertWeights(input, output, options);
      const name = model.kind === "exact" ? model.name : undefined;
      const { size } = await stat(output);
      running.ui.result(
        `${output}: ${tensors.size} tensors${name === undefined ? "" : ` of ${name}`}, ${formatBytes(size)} (${input}: ${formatBytes(fileBytes)})`,
        { command: "convert-weights", input, output, model: name ?? null, tensors: tensors.size, bytes: size },
      );
    });
}
