export { type FailedCase, findCases, type InputCase } from "./input-cases.js";
export { manifestName, type OpenModel, type OpenModelOptions, openModel, readManifest } from "./model-folder.js";
export { loadSam2, loadUNet } from "./networks.js";
export {
  type OpenPromptable,
  type OpenPromptableOptions,
  openPromptable,
  saveWeights,
  writeWeights,
} from "./promptable.js";
export { maskLogits } from "./prompting/mask-prompt.js";
export { type FoundObject, promptPicture } from "./prompting/picture.js";
export type { BoxPrompt, GivenPrompts, MaskPrompt, PointPrompt } from "./prompting/prompts.js";
export { arrayAxis, type PromptedVolume, type PromptVolumeOptions, promptVolume } from "./prompting/volume.js";
export {
  architectureKey,
  modelKey,
  namedModel,
  type RecognisedModel,
  recogniseModel,
  type WeightsModel,
} from "./recognise.js";
export {
  type FoundLabel,
  type SegmentedCase,
  type SegmentFilesOptions,
  segmentFiles,
} from "./segment-files.js";
export {
  type ConvertWeightsOptions,
  convertWeights,
  type InspectedWeights,
  inspectWeights,
  type WeightDtype,
  weightDtypes,
} from "./weights-files.js";
