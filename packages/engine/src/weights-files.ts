/** Files of weights: what is in them, and the same as safetensors. */
import { existsSync } from "node:fs";
import { basename } from "node:path";
import { FileError } from "@rfmedsam/base";
import { type CheckpointSummary, type Dtype, dtypeBytes, inspectCheckpoint, readCheckpoint } from "@rfmedsam/torch";
import { writeWeights } from "./promptable.js";
import { modelKey, modelOf, type WeightsModel } from "./recognise.js";

export interface InspectedWeights extends CheckpointSummary {
  readonly model: WeightsModel;
  /** Numbers in all tensors, and the bytes they take. */
  readonly numbers: number;
  readonly tensorBytes: number;
  /** Element types, with how many tensors have each. */
  readonly dtypes: Readonly<Partial<Record<Dtype, number>>>;
}

/**
 * What a file of weights holds, without reading the weights; nothing in it is run.
 *
 * @throws CheckpointError, FileError
 */
export async function inspectWeights(file: string): Promise<InspectedWeights> {
  const summary = await inspectCheckpoint(file);
  const dtypes: Partial<Record<Dtype, number>> = {};
  let [numbers, tensorBytes] = [0, 0];
  for (const { dtype, shape } of summary.tensors.values()) {
    const count = shape.reduce((product, extent) => product * extent, 1);
    dtypes[dtype] = (dtypes[dtype] ?? 0) + 1;
    numbers += count;
    tensorBytes += count * dtypeBytes[dtype];
  }
  return { ...summary, model: modelOf(file, summary), numbers, tensorBytes, dtypes };
}

/** Element types that weights can be written in. */
export const weightDtypes = ["float32", "float16", "bfloat16"] as const;
export type WeightDtype = (typeof weightDtypes)[number];

export interface ConvertWeightsOptions {
  /** Of floating tensors; as they are by default. */
  readonly dtype?: WeightDtype | undefined;
  /** Replace the output if it exists. */
  readonly overwrite?: boolean | undefined;
}

/**
 * Writes a checkpoint's state dict as safetensors; what lies beside it stays behind. The metadata tells which model it is, if it is one.
 *
 * @returns what was read
 * @throws FileError when the output exists; CheckpointError, ResourceError
 */
export async function convertWeights(
  input: string,
  output: string,
  { dtype, overwrite = false }: ConvertWeightsOptions = {},
): Promise<InspectedWeights> {
  if (!overwrite && existsSync(output)) {
    throw new FileError({
      file: output,
      found: "exists already",
      hint: "choose another name, or add --overwrite to replace it",
    });
  }
  const inspected = await inspectWeights(input);
  const { model, metadata, format } = inspected;
  const state = await readCheckpoint(input);
  try {
    if (dtype !== undefined) {
      for (const [name, tensor] of state) {
        if (!tensor.dtype.includes("float") || tensor.dtype === dtype) continue;
        state.set(name, tensor.to({ dtype }));
        tensor.free();
      }
    }
    const kept = format === "safetensors" ? metadata : {};
    const named = model.kind === "exact" && model.name !== undefined ? { [modelKey]: model.name } : {};
    const architecture = model.kind === "exact" ? model.architecture : undefined;
    await writeWeights(output, state, architecture, {
      ...kept,
      ...named,
      "rfmedsam.source": basename(input),
    });
  } finally {
    for (const tensor of state.values()) tensor.free();
  }
  return inspected;
}
