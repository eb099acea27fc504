export { type CheckpointSummary, inspectCheckpoint, readCheckpoint } from "./checkpoint/checkpoint.js";
export { type ParseOptions, parseTorchArchive } from "./checkpoint/parse-torch.js";
export {
  OpaqueObject,
  type PickledDict,
  type PickledList,
  type PickledSet,
  PickledTuple,
  type PickledValue,
  TensorDescription,
  TorchDevice,
  TorchDtype,
  TorchSize,
} from "./checkpoint/pickle-values.js";
export {
  readSafetensors,
  readSafetensorsHeader,
  type SafetensorsEntry,
  type SafetensorsHeader,
  writeSafetensors,
} from "./checkpoint/safetensors.js";
export type { TorchArchive } from "./checkpoint/torch-archive.js";
export { type CheckpointOptions, readTorchFile } from "./checkpoint/torch-file.js";
export { availableMemory, freeMemory, measurePeak, releaseUnused } from "./device-memory.js";
export { type Dtype, dtypeBytes, type TypedArray } from "./dtype.js";
export {
  arange,
  empty,
  eye,
  full,
  linspace,
  onDevice,
  ones,
  rand,
  randint,
  randn,
  randperm,
  type TensorOptions,
  zeros,
} from "./factories.js";
export * as F from "./functional.js";
export { checkpointed } from "./gradient-checkpointing.js";
export { autocast, enableGrad, gradients, noGrad } from "./modes.js";
export * as nn from "./nn/index.js";
export { Buffer, Layer, Module, ModuleList, Parameter, Sequential } from "./nn/module.js";
export { AdamW, type AdamWOptions } from "./optim/adamw.js";
export { clipGradNorm } from "./optim/clip.js";
export { WeightAverage, type WeightAverageOptions } from "./optim/ema.js";
export { Optimizer, type OptimizerOptions, type ParameterGroup } from "./optim/optimizer.js";
export { type Schedule, type ScheduleName, type ScheduleOptions, schedule, scheduleNames } from "./optim/schedules.js";
export { SGD, type SGDOptions } from "./optim/sgd.js";
export {
  chooseDevice,
  cudaDeviceCount,
  getNumThreads,
  libtorchConfiguration,
  libtorchVersion,
  manualSeed,
  randomState,
  setNumThreads,
  setRandomState,
  synchronize,
} from "./runtime.js";
export { liveTensors, scope } from "./scope.js";
export { type BackwardOptions, type Device, Tensor, tensor, tensorSharing } from "./tensor.js";
export type { Operand, Scalar } from "./wrap.js";
