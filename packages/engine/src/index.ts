export { manifestName, type OpenModel, type OpenModelOptions, openModel, readManifest } from "./model-folder.js";
export { loadSam2, loadUNet } from "./networks.js";
