export {
  Conv2d,
  Conv3d,
  type ConvOptions,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeOptions,
  type Extents,
} from "./conv.js";
export * as init from "./init.js";
export { Dropout, Embedding, GELU, Identity, LeakyReLU, Linear, type LinearOptions, ReLU, Sigmoid } from "./linear.js";
export { Buffer, Layer, type LoadOptions, Module, ModuleList, Parameter, Sequential, type State } from "./module.js";
export { GroupNorm, InstanceNorm, LayerNorm, LayerNorm2d } from "./norm.js";
