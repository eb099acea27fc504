/** The arithmetic of a training step. */
import { autocast, type Device } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";

/**
 * Runs a forward pass and its losses in the configuration's arithmetic: in bfloat16 convolutions and matrix products, never the weights.
 * `backward` follows it by itself.
 */
export function inPrecision<T>(precision: TrainingConfiguration["precision"], device: Device, body: () => T): T {
  if (precision === "float32") return body();
  return autocast(device.startsWith("cuda") ? "cuda" : "cpu", precision, body);
}
