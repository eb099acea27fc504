/** Volumes on disk. */
export { readLabels } from "./labels.js";
export { readImageHeader, readNiftiFile, readVolume, writeVolume } from "./nifti.js";
