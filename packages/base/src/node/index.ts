export { writeFileAtomic, writeFolderAtomic, writeJsonAtomic } from "./atomic.js";
export { fileErrorOf, namesIn, outputErrorOf, readFileOrExplain } from "./files.js";
export { assertWritableFolder, makeFolder } from "./folders.js";
export { peakMemory, resetPeakMemory, residentMemory } from "./peak-memory.js";
