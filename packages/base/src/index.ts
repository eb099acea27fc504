export { joinBytes } from "./bytes.js";
export {
  CheckpointError,
  ConfigError,
  DatasetError,
  EngineError,
  type ErrorFacts,
  explain,
  type Fault,
  FileError,
  FormatError,
  GeometryError,
  InterruptedError,
  ResourceError,
  RfmedsamError,
} from "./errors.js";
export { someOf } from "./names.js";
export { type CancelSignal, type Progress, type ProgressEvent, silent, throwIfCancelled } from "./progress.js";
export { Random } from "./random.js";
