/** How a trained refiner is used: the same record for the measurements that the choices are made from and for the model folder. */
import type { Calibration, RefinerSettings } from "@rfmedsam/segmenter";
import type { TrainingConfiguration } from "../config.js";

export function refinerSettings(
  { slices, channel, axis, prompts, memory }: TrainingConfiguration["refiner"],
  calibration: { readonly stage1: Calibration; readonly stage2: Calibration },
): RefinerSettings {
  return { slices, axis, channel, prompt: prompts, memory, calibration: { ...calibration } };
}
