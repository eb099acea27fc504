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
export {
  atImageSize,
  buildModel,
  contradictionIn,
  type ModelArchitecture,
  type ModelFamily,
  modelFamilies,
  type PromptableModel,
  parseArchitecture,
  type TensorShapes,
} from "./catalogue/architecture.js";
export {
  CatalogueEntry,
  catalogue,
  type OfficialModelName,
  officialArchitecture,
  officialModel,
} from "./catalogue/entries.js";
export {
  type Differences,
  describeDifferences,
  differencesFrom,
  fitting,
  type Identification,
  identify,
  isSame,
} from "./catalogue/identify.js";
export { TorchSam } from "./engine/promptable-sam.js";
export { TorchSam2Pictures } from "./engine/promptable-sam2.js";
export { TorchRefiner } from "./engine/refiner.js";
export { embeddingBytes, memoryBytes, roomIn } from "./engine/refiner-room.js";
export { TorchPatchNetwork } from "./engine/unet-patches.js";
export { PromptGenerator } from "./generators/generator.js";
export { type PromptGeneratorName, promptGeneratorNamed, promptGeneratorNames } from "./generators/named.js";
export {
  isEncoderAdapterName,
  type SamConfig,
  type SamConfigInput,
  samConfig,
  samConfigSchema,
  withSamImageSize,
} from "./sam/config.js";
export { type FitOptions, fitToImageSize } from "./sam/fit-image-size.js";
export type { EncoderOptions } from "./sam/image-encoder.js";
export { type OfficialSamName, officialSamConfigs } from "./sam/official-configs.js";
export { Sam, type SamPrediction } from "./sam/sam.js";
export { EncoderAdapter, type EncoderAdapterOptions } from "./sam-med2d/adapter.js";
export { backboneConfig, backboneNames } from "./sam2/backbones.js";
export { type Sam2Config, type Sam2ConfigInput, sam2Config, sam2ConfigSchema, withImageSize } from "./sam2/config.js";
export { boxesOf, withoutOverlap } from "./sam2/masks.js";
export { type FrameMemory, MemoryBank, selectionRules } from "./sam2/memory-bank.js";
export type { ImageEmbedding, MemorySet, ObjectPointer, SpatialMemory } from "./sam2/memory-set.js";
export { type OfficialSam2Name, officialSam2Configs, smallSam2Config } from "./sam2/official-configs.js";
export { type Points, type PromptTensors, pointLabel } from "./sam2/prompt-encoder.js";
export { type FramePrompts, Sam2, type TrackedFrame, type TrackStep } from "./sam2/sam2.js";
export { type DecoderPrompts, type HeadOutput, Sam2Base } from "./sam2/sam2-base.js";
export { dimensionsOf, parseUNetArchitecture, totalStride, type UNetArchitecture } from "./unet/architecture.js";
export { PlainConvUNet } from "./unet/plain-conv-unet.js";
