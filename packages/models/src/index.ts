export { CnnAdapter } from "./adapters/cnn-adapter.js";
export { DWConvAdapter } from "./adapters/dwconv-adapter.js";
export { type AdaptableParts, countParameters, insertAdapters, loadWeights } from "./adapters/insertion.js";
export {
  type AdapterConfig,
  type AdapterPlacement,
  adapterConfigSchema,
  adapterPlacements,
  defaultAdapterPlacements,
  isAdapterName,
} from "./adapters/options.js";
export { TorchRefiner } from "./engine/refiner.js";
export { TorchPatchNetwork } from "./engine/unet-patches.js";
export { backboneConfig, backboneNames } from "./sam2/backbones.js";
export { type Sam2Config, type Sam2ConfigInput, sam2Config, sam2ConfigSchema, withImageSize } from "./sam2/config.js";
export { boxesOf, withoutOverlap } from "./sam2/masks.js";
export {
  type FrameMemory,
  MemoryBank,
  type Remembered,
  type Selection,
  type SelectionRules,
  selectionRules,
  selectMemories,
  selectNearest,
  type Timeline,
} from "./sam2/memory-bank.js";
export type { ImageEmbedding, MemorySet, ObjectPointer, SpatialMemory } from "./sam2/memory-set.js";
export { type OfficialSam2Name, officialSam2Configs, smallSam2Config } from "./sam2/official-configs.js";
export { type Points, pointLabel } from "./sam2/prompt-encoder.js";
export { type FramePrompts, Sam2, type TrackedFrame, type TrackStep } from "./sam2/sam2.js";
export type { DecoderPrompts, HeadOutput } from "./sam2/sam2-base.js";
export { dimensionsOf, parseUNetArchitecture, totalStride, type UNetArchitecture } from "./unet/architecture.js";
export { PlainConvUNet } from "./unet/plain-conv-unet.js";
