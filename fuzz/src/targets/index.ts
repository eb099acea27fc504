/** The table of what is fuzzed: one row for each parser. A new file format gets its row here. */
import type { Target } from "../target.js";
import { archive, legacy, pickle, safetensors } from "./checkpoints.js";
import { dicomTarget } from "./dicom.js";
import { dicomSegTarget } from "./dicom-seg.js";
import { nifti12, niftiVolumes } from "./nifti.js";
import { jpegTarget, pngTarget } from "./pictures.js";
import { tiffTarget } from "./tiff.js";
import { fromDisk, metaImageTarget, nrrdTarget } from "./volumes.js";

const images = [nrrdTarget, metaImageTarget, tiffTarget, pngTarget, jpegTarget, dicomTarget];

export const targets: readonly Target[] = [
  nifti12,
  ...images,
  dicomSegTarget,
  fromDisk(
    async () => [...niftiVolumes(), ...(await Promise.all(images.map(({ seeds }) => seeds()))).flat()],
    [nifti12, ...images].flatMap(({ tokens }) => tokens),
  ),
  safetensors,
  archive,
  legacy,
  pickle,
];
