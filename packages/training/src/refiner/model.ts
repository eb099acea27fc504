/** What stages 1 and 2 train: SAM 2 with adapters, and for each stage the calibration that makes its classes comparable. */
import { Sam2, type Sam2Config } from "@rfmedsam/models";
import type { Calibration } from "@rfmedsam/segmenter";
import { Module, nn, Parameter, scope, type Tensor, zeros } from "@rfmedsam/torch";

/** Scale and bias of every class's logits. The scale is kept positive by learning its logarithm; it starts at 1, the bias at 0. */
export class ClassCalibration extends Module {
  readonly logScale: Parameter;
  readonly bias: Parameter;

  /** @param classes without the background */
  constructor(classes: number) {
    super();
    this.logScale = new Parameter(nn.init.zeros(zeros([classes])));
    this.bias = new Parameter(nn.init.zeros(zeros([classes])));
  }

  /** @param logits `[N, classes, …]` */
  forward(logits: Tensor): Tensor {
    const shape = [1, this.bias.size(0), ...Array.from({ length: logits.ndim - 2 }, () => 1)];
    return logits.mul(this.logScale.exp().reshape(shape)).add(this.bias.reshape(shape));
  }

  /** As the model folder keeps it. */
  export(): Calibration {
    return scope(() => ({ scale: this.logScale.exp().toNumbers(), bias: this.bias.toNumbers() }));
  }
}

export class RefinerModel extends Module {
  readonly sam2: Sam2;
  readonly stage1: ClassCalibration;
  readonly stage2: ClassCalibration;

  constructor(config: Sam2Config, classes: number) {
    super();
    this.sam2 = new Sam2(config);
    this.stage1 = new ClassCalibration(classes - 1);
    this.stage2 = new ClassCalibration(classes - 1);
  }
}
