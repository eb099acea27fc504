export type { OutputStage, StageSwitch } from "./answers.js";
export {
  absentLogit,
  type Calibration,
  type ClassLogits,
  calibrated,
  noCalibration,
  seenClasses,
} from "./calibration.js";
export { type GridChange, resampleLabelMap, resampleScalars } from "./case-resampling.js";
export {
  axesOf,
  CaseRunner,
  type CaseStages,
  type RefinerSettings,
  type StageInput,
  type StageOptions,
} from "./case-stages.js";
export { labelsOfRegions, meanProbabilities, sigmoid } from "./ensemble.js";
export {
  confidenceBySlice,
  countBySlice,
  decideGate,
  describeGateRule,
  explainSwitch,
  type GateDecision,
  type GateEvidence,
  type GateRule,
  type GateScope,
  type RefinedStage,
  type SliceOverlaps,
  type SliceRun,
  type SwitchedClass,
  stageInWords,
} from "./gate.js";
export { keepLargestComponents, withLargestComponents } from "./largest-component.js";
export {
  calibrationSchema,
  classTable,
  formatVersion,
  gateRuleSchema,
  type ModelManifest,
  manifestSchema,
  memorySchema,
  outputStageSchema,
  parseManifest,
  promptSchema,
  provenanceSchema,
  type RefinerAxis,
  type RefinerManifest,
  refinerAxes,
  refinerSchema,
  type Step0Manifest,
  step0Schema,
  type TrainingProvenance,
  type UNetManifest,
} from "./manifest.js";
export {
  type ChosenMemory,
  chooseMemories,
  confidenceOf,
  equallyLong,
  type MemoryCandidate,
  type MemoryOptions,
  sameComponent,
} from "./memory.js";
export {
  type ClassScores,
  type ClassVolumes,
  meanScores,
  mergeSlice,
  type StageName,
  scoresOfLogits,
  scoresOfStage,
  softmaxInPlace,
  stageNames,
  winningLabels,
} from "./merge.js";
export type {
  AnyHandle,
  ConditionedHandle,
  Decoded,
  DecodedHandle,
  DecodeOptions,
  EmbeddingHandle,
  handleKind,
  MemoryHandle,
  ObjectMemories,
  ObjectPrompts,
  PatchNetwork,
  PointerReference,
  RefinerNetwork,
  RefinerRoom,
  RememberOptions,
  SpatialReference,
} from "./networks.js";
export { type GridWindow, resizeBilinear } from "./predictors/bilinear.js";
export {
  type BoxXywh,
  type EverythingOptions,
  type FoundMask,
  segmentEverything,
} from "./predictors/everything/generator.js";
export { type MaskBox, suppressBoxes } from "./predictors/everything/nms.js";
export { type EverythingSettings, everythingSchema } from "./predictors/everything/options.js";
export { everythingOverlay, type OverlayColour, type OverlayOptions } from "./predictors/everything/overlay.js";
export {
  type EverythingRecord,
  everythingRecord,
  type OutputMode,
  segmentationForms,
} from "./predictors/everything/records.js";
export {
  areaOfRle,
  type CompressedRle,
  compressRle,
  decodeRle,
  decompressRle,
  encodeRle,
  type MaskPlace,
  type MaskRle,
} from "./predictors/everything/rle.js";
export { type CleanedMask, removeSmallRegions, type SmallRegionMode } from "./predictors/everything/small-regions.js";
export { cleanRegions, fillHoles, type RegionAreas } from "./predictors/hole-filling.js";
export {
  binaryMasks,
  type ImagePrediction,
  ImagePredictor,
  type ImagePredictorOptions,
} from "./predictors/image-predictor.js";
export {
  evaluationMasks,
  type PicturePoint,
  type PictureRule,
  type PictureRuleName,
  type PictureSize,
  pictureRules,
} from "./predictors/picture.js";
export type { PictureBox, PicturePrompts } from "./predictors/picture-prompts.js";
export { type PillowFilter, resizePillow } from "./predictors/pillow-resize.js";
export type { MaskCandidates, PromptableNetwork } from "./predictors/promptable.js";
export {
  type PropagateOptions,
  type SliceAnswer,
  VolumePredictor,
  type VolumePredictorOptions,
} from "./predictors/volume-predictor.js";
export type { SlicePointPrompts } from "./predictors/volume-prompts.js";
export { pictureSlices, type SliceSource, type VolumeSliceOptions, volumeSlices } from "./predictors/volume-slices.js";
export {
  type IntensityWindow,
  type Normalisation,
  normalisationSchema,
  type PreparedCase,
  type PreprocessingRecipe,
  prepareCase,
  prepareLabels,
  preprocessingSchema,
  type RestorePlan,
  windowSchema,
} from "./preprocessing.js";
export {
  argmaxOfSlice,
  boxOfLogits,
  clampLogits,
  maskPrompt,
  maskPromptLimit,
  type PlannedObject,
  type PromptKind,
  type PromptOptions,
  type PromptPlan,
  padBox,
  planPrompts,
  promptGenerators,
  type SliceLabels,
  type SliceProbabilities,
  type SlicePrompts,
  slicePrompts,
} from "./prompts.js";
export {
  type RefineInput,
  type RefineOptions,
  type RefineResult,
  refineCase,
  refinementPrompts,
  type SliceResult,
  type StageResult,
} from "./refine.js";
export { LabelRestorer, restoreLabels, restorePercent, restoreScores, restoreShares } from "./restore.js";
export { nearestKey, type ParseOptions, parseWithSchema } from "./schema.js";
export { describeSchema, type SchemaDescription } from "./schema-words.js";
export {
  type AlterStep0,
  type Segmentation,
  Segmenter,
  type SegmenterNetworks,
  type SegmentOptions,
} from "./segmenter.js";
export { extentsOf } from "./slice-components.js";
export {
  boxToInput,
  boxToVoxels,
  type ColourSource,
  extractSlice,
  fitInto,
  fitOut,
  inputToVoxel,
  type PixelBox,
  placeSlice,
  type RenderOptions,
  renderSlice,
  type SliceAxis,
  type SliceColours,
  type SliceFrame,
  type SliceRendering,
  sliceAxes,
  sliceColours,
  sliceFrame,
  sliceRenderings,
  voxelToInput,
} from "./slices.js";
export { predictVolume, type SlidingWindowOptions } from "./sliding-window.js";
export { chooseReferences, type MemoryReference, type SliceReferences } from "./stage-memories.js";
export { type MultimaskRules, type TrackingRules, usesMultimask } from "./tracking/rules.js";
export {
  type Reach,
  type Remembered,
  reachOf,
  type Selection,
  type SelectionRules,
  selectMemories,
  selectNearest,
  type Timeline,
} from "./tracking/select-memories.js";
export type { ObjectAnswer } from "./tracking/slice-answers.js";
export { extractPatch, flipped, gaussianImportance, windowPadding, windowSteps } from "./windows.js";
