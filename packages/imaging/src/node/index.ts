/** Volumes on disk. */
export {
  type ChannelFiles,
  caseNameOf,
  channelsInOrder,
  describeChannels,
  groupChannels,
  hasEnding,
  imagesAmong,
  listFolder,
  pictureEndings,
  volumeEndings,
} from "./case-files.js";
export { readChannels } from "./channels.js";
export { type Converted, type ConvertOptions, convertImage } from "./convert.js";
export { listSeries, loadWasm, type ReadDicomOptions, readDicom, readDicomFolder } from "./dicom.js";
export { holdsDicom, holdsDicomImages } from "./dicom-folder.js";
export { readDicomSegFile, readDicomSegImage, type SegmentNames, writeDicomSegFile } from "./dicom-seg.js";
export { readLabels } from "./labels.js";
export { dicomSourceOf, isDicomPath, type LabelsToDicomSegOptions, labelsToDicomSeg } from "./labels-to-dicom-seg.js";
export { readImageHeader, readNiftiFile } from "./nifti.js";
export { readMask, readPicture, writePng } from "./picture.js";
export { type ReadImageOptions, readImage, readVolume } from "./read-image.js";
export { readScan } from "./read-scan.js";
export { writeVolume } from "./write-volume.js";
