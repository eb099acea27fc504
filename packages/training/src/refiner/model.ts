/**
 * What stages 1 and 2 train: SAM 2 with adapters, for each stage the calibration that makes its classes comparable, and what proposes
 * prompts when no U-Net does.
 */
import { type PromptGenerator, promptGeneratorNamed, Sam2, type Sam2Config } from "@rfmedsam/models";
import { Module } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";
import { calibrations, type StageCalibration } from "./calibration.js";

type Parts = Pick<TrainingConfiguration["refiner"], "calibration" | "generator">;

export class RefinerModel extends Module {
  readonly sam2: Sam2;
  readonly stage1: StageCalibration;
  readonly stage2: StageCalibration;
  /** Absent when a U-Net makes the prompts. */
  readonly generator: PromptGenerator | undefined;

  /** @param classes with the background */
  constructor(config: Sam2Config, classes: number, { calibration, generator }: Parts) {
    super();
    this.sam2 = new Sam2(config);
    this.stage1 = new calibrations[calibration](classes - 1);
    this.stage2 = new calibrations[calibration](classes - 1);
    this.generator = generator === "unet" ? undefined : promptGeneratorNamed(generator, this.sam2, classes);
  }
}
