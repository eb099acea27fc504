export { writeFileAtomic, writeFolderAtomic, writeJsonAtomic } from "./atomic.js";
export { fileErrorOf, namesIn, readFileOrExplain } from "./files.js";
export { makeFolder } from "./folders.js";
export { peakMemory, resetPeakMemory, residentMemory } from "./peak-memory.js";
