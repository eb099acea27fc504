export { type PhantomDatasetOptions, writePhantomDataset } from "./dataset.js";
export { defaultOrgans, labelNumbers, type Organ, organNames } from "./organs.js";
export { type Modality, makePhantom, type Phantom, type PhantomOptions, type StoredOrientation } from "./phantom.js";
