/**
 * What makes the classes of a stage comparable before the softmax that merges them: logits of independent binary heads are not, as they
 * are. All kinds start as the identity; what they do when predicting is `Calibration` of the segmenter.
 */
import { type Calibration, noCalibration } from "@rfmedsam/segmenter";
import { eye, F, Module, Parameter, scope, type Tensor, zeros } from "@rfmedsam/torch";
import type { TrainingConfiguration } from "../config.js";

export abstract class StageCalibration extends Module {
  /** @param logits `[N, classes, h, w]`, background left out; `absentLogit` for a class that is not there @returns the same shape */
  abstract forward(logits: Tensor): Tensor;

  /** As the model folder keeps it. */
  abstract export(): Calibration;
}

/** Logits as they are. */
export class NoCalibration extends StageCalibration {
  forward(logits: Tensor): Tensor {
    return logits;
  }

  export(): Calibration {
    return noCalibration;
  }
}

/** Scale and bias of every class's logits. The scale is kept positive by learning its logarithm. */
export class ClassCalibration extends StageCalibration {
  readonly logScale: Parameter;
  readonly bias: Parameter;

  constructor(classes: number) {
    super();
    this.logScale = new Parameter(zeros([classes]));
    this.bias = new Parameter(zeros([classes]));
  }

  forward(logits: Tensor): Tensor {
    const shape = [1, this.bias.size(0), ...Array.from({ length: logits.ndim - 2 }, () => 1)];
    return logits.mul(this.logScale.exp().reshape(shape)).add(this.bias.reshape(shape));
  }

  export(): Calibration {
    return scope(() => ({
      kind: "class",
      scale: this.logScale.exp().toNumbers(),
      bias: this.bias.toNumbers(),
    }));
  }
}

/** A 1×1 convolution over the classes' logits: what is seen of one class speaks for or against the others, `out_c = Σ_k w_ck · l_k + b_c`. */
export class ConvolutionCalibration extends StageCalibration {
  readonly weight: Parameter;
  readonly bias: Parameter;

  constructor(classes: number) {
    super();
    this.weight = new Parameter(eye(classes));
    this.bias = new Parameter(zeros([classes]));
  }

  forward(logits: Tensor): Tensor {
    return F.conv2d(logits, this.weight.unsqueeze(-1).unsqueeze(-1), { bias: this.bias });
  }

  export(): Calibration {
    return scope(() => ({
      kind: "matrix",
      weight: Array.from({ length: this.bias.size(0) }, (_, row) => this.weight.select(0, row).toNumbers()),
      bias: this.bias.toNumbers(),
    }));
  }
}

/** One row a kind of calibration. */
export const calibrations: {
  readonly [Kind in TrainingConfiguration["refiner"]["calibration"]]: new (
    classes: number,
  ) => StageCalibration;
} = { none: NoCalibration, class: ClassCalibration, convolution: ConvolutionCalibration };
