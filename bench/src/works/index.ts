/** All works by name. A new one is a row here and one of the same name in ../../python/cases.py. */
import { add } from "./add.js";
import { samImageEncoder } from "./sam.js";
import { click, imageEncoder, trackedSlice } from "./sam2.js";
import { unetTrainingStep } from "./unet.js";
import type { Work } from "./work.js";

export type { Work } from "./work.js";

const works = {
  add: add,
  "unet-training-step": unetTrainingStep,
  "sam-image-encoder": samImageEncoder,
  "sam2-image-encoder": imageEncoder,
  "sam2-click": click,
  "sam2-tracked-slice": trackedSlice,
};

type Works = typeof works;

/** The name of a work with the parameters it takes. */
export type WorkRequest = {
  [Name in keyof Works]: { readonly work: Name; readonly parameters: Parameters<Works[Name]>[0] };
}[keyof Works];

export async function prepare({ work, parameters }: WorkRequest): Promise<Work> {
  return (works[work] as (parameters: WorkRequest["parameters"]) => Work | Promise<Work>)(parameters);
}
