/** Volumes, their geometry, formats, resampling, intensity and regions. Typed arrays only: everything here runs in a browser. */

export type { BoundaryMode } from "./filters/boundary.js";
export {
  affineTransform,
  type InterpolateOptions,
  mapCoordinates,
  type ZoomOptions,
  zoom,
} from "./filters/interpolate.js";
export { type FilterOptions, gaussianFilter, rankFilter, uniformFilter } from "./filters/neighbourhood.js";
export { type SplineDegree, splineCoefficients } from "./filters/spline.js";
export { type ByteSource, sourceOfBytes } from "./formats/byte-source.js";
export { paletteColour, type Rgb } from "./formats/dicom-seg/colour.js";
export { type Code, type Concept, conceptOf } from "./formats/dicom-seg/concepts.js";
export type { SegmentationType } from "./formats/dicom-seg/content.js";
export type { SourceImage } from "./formats/dicom-seg/frames.js";
export type { ReferenceGrid } from "./formats/dicom-seg/grid.js";
export type { LabelMap, LabelMapOptions, SegmentOverlap } from "./formats/dicom-seg/labels.js";
export { type DicomSeg, type ReadDicomSegOptions, readDicomSeg, type SourceSeries } from "./formats/dicom-seg/read.js";
export type { DicomSegment } from "./formats/dicom-seg/segments.js";
export type { SegmentToWrite } from "./formats/dicom-seg/segments-to-write.js";
export {
  type SegmentedSeries,
  type WriteDicomSegOptions,
  type WrittenDicomSeg,
  writeDicomSeg,
} from "./formats/dicom-seg/write.js";
export { type DecoderParts, type FormatName, type ImageFile, readImageSource } from "./formats/image-file.js";
export type { NiftiDatatype } from "./formats/nifti/datatypes.js";
export type { NiftiExtension } from "./formats/nifti/extensions.js";
export type { NiftiHeader } from "./formats/nifti/header.js";
export {
  channelCount,
  gridOfNifti,
  isNifti,
  type NiftiImage,
  type ReadNiftiOptions,
  readNifti,
  splitNiftiChannels,
  volumeOfNifti,
} from "./formats/nifti/read.js";
export { type WriteNiftiOptions, writeNifti } from "./formats/nifti/write.js";
export {
  type DecodePictureOptions,
  decodeMask,
  decodePicture,
  isPicture,
  type MaskPicture,
} from "./formats/picture/decode.js";
export { encodeGreyPng, encodePng, type GreyPicture } from "./formats/picture/png.js";
export { type ScalarName, scalarNameOf, scalarNames } from "./formats/scalars.js";
export { describeBytes } from "./formats/sniff.js";
export {
  type EncodedFile,
  encodeVolume,
  volumeToBytes,
  type WriteVolumeOptions,
  writableEndings,
} from "./formats/volume-files.js";
export {
  apply,
  assertAffine,
  determinant,
  directionOf,
  invert,
  multiply,
  originOf,
  type Point,
  scalingAffine,
  shiftedAffine,
  spacingOf,
} from "./geometry.js";
export { assertSameGrid, describeGrid, formatShape, formatSpacing, type Grid, sameGrid } from "./grid.js";
export { cropToNonzero, nonzeroMask } from "./intensity/nonzero.js";
export { type CtIntensity, normaliseCt, normaliseZScore, rescaleTo01, rgbTo01 } from "./intensity/normalise.js";
export {
  type Draws,
  type IntensityStatistics,
  intensityStatistics,
  type MeanAndStd,
  meanAndStd,
  percentileOfSorted,
  sampleForeground,
} from "./intensity/statistics.js";
export { summariseValues, type ValueSummary } from "./intensity/summary.js";
export {
  applyVoi,
  clipAndStretch,
  ctWindows,
  greyToRgb,
  imagenet,
  normaliseColours,
  percentileToGrey,
  percentileWindow,
  type Rounding,
  type VoiFunction,
  voiFunctions,
  type Window,
  windowShare,
  windowToGrey,
} from "./intensity/window.js";
export { labelsIn, toLabels } from "./labels.js";
export { type Orientation, orientationOf, orientations, reorient } from "./orientation.js";
export { checkPicture, type RgbPicture } from "./picture.js";
export { type PreviewOptions, previewStrip } from "./preview.js";
export {
  type Box,
  boundingBox,
  boxShape,
  cropData,
  cropVolume,
  labelBoxes,
  pasteData,
  type SliceBox,
  sliceBoxes,
  wholeBox,
} from "./regions/box.js";
export {
  type Components,
  type Connectivity,
  connectedComponents,
  fillHoles,
  largestComponent,
} from "./regions/components.js";
export { distanceTransform } from "./regions/distance.js";
export { close, dilate, dilateBall, erode, type MorphologyOptions, open } from "./regions/morphology.js";
export type { FloatArray, SplineOrder } from "./resample/axis.js";
export { type ResampleLikeOptions, resampleLike } from "./resample/like.js";
export {
  computeNewShape,
  resampleImage,
  resampleLabels,
  type SeparateAxis,
  separateAxisOf,
} from "./resample/resample.js";
export {
  type Affine,
  emptyLike,
  isBigArray,
  type LabelVolume,
  type NumberArray,
  type Triple,
  toFloat32,
  type Volume,
  type VoxelArray,
  voxelCount,
} from "./volume.js";
