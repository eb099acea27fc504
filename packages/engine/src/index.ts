export { type FailedCase, findCases, type InputCase } from "./input-cases.js";
export { manifestName, type OpenModel, type OpenModelOptions, openModel, readManifest } from "./model-folder.js";
export { loadSam2, loadUNet } from "./networks.js";
export { peakMemory, resetPeakMemory } from "./peak-memory.js";
export {
  type FoundLabel,
  type SegmentedCase,
  type SegmentFilesOptions,
  segmentFiles,
} from "./segment-files.js";
