/** A safetensors file: its tensors. */
import { renderText } from "@rfmedsam/metrics";
import { readSafetensorsHeader } from "@rfmedsam/torch";
import { formatBytes } from "../../ui/format.js";
import type { Description } from "./description.js";

export async function describeWeights(file: string): Promise<Description> {
  const { entries, metadata, fileBytes } = await readSafetensorsHeader(file);
  const tensors = [...entries].map(([name, { dtype, shape }]) => ({ name, dtype, shape }));
  const numbers = tensors.reduce((sum, { shape }) => sum + shape.reduce((product, size) => product * size, 1), 0);
  const table = renderText({
    columns: [{ name: "tensor" }, { name: "type" }, { name: "shape" }],
    rows: tensors.map(({ name, dtype, shape }) => [name, dtype, shape.join("×") || "scalar"]),
  });
  const about = Object.keys(metadata).length > 0 ? `Metadata: ${Object.keys(metadata).join(", ")}\n` : "";
  return {
    text: `${table}\n${tensors.length} tensors, ${numbers} numbers, ${formatBytes(fileBytes)}\n${about}`,
    data: { kind: "weights", fileBytes, numbers, tensors, metadata },
  };
}
