/** The attributes of a segmentation object, module by module. Source: DICOM PS3.3 A.51.3. */
import type { DicomSeriesInfo, DicomSliceInfo } from "../dicom/decode.js";
import { cross, distance, dot, length, minus, scaled } from "../dicom/vectors.js";
import { labOfRgb } from "./colour.js";
import type { Code } from "./concepts.js";
import { segmentationStorage } from "./dictionary.js";
import type { Attributes } from "./encode.js";
import type { FrameToWrite } from "./pack.js";
import { along } from "./placement.js";
import type { ListedSegment } from "./segments-to-write.js";
import { implementation } from "./uid.js";
import type { SegmentedSeries, WriteDicomSegOptions } from "./write.js";

export interface ObjectToWrite {
  readonly segments: readonly ListedSegment[];
  readonly frames: readonly FrameToWrite[];
  readonly source: SegmentedSeries;
  readonly options: WriteDicomSegOptions;
  readonly instance: string;
  readonly uid: () => string;
}

export function fileMeta(instance: string): Attributes {
  return {
    FileMetaInformationVersion: Uint8Array.of(0, 1),
    MediaStorageSOPClassUID: segmentationStorage,
    MediaStorageSOPInstanceUID: instance,
    TransferSyntaxUID: "1.2.840.10008.1.2.1",
    ImplementationClassUID: implementation.uid,
    ImplementationVersionName: implementation.name,
  };
}

/** Everything but the pixels. */
export function segmentationDataset(object: ObjectToWrite): Attributes {
  const { segments, source, options } = object;
  return {
    ...patientAndStudy(object),
    ...seriesAndEquipment(object),
    ...imageModules(object),
    ...dimensions(object),
    SegmentSequence: segments.map((segment, index) => segmentItem(segment, index + 1, options)),
    SharedFunctionalGroupsSequence: [sharedGroups(source.series)],
    PerFrameFunctionalGroupsSequence: frameGroups(object),
    ReferencedSeriesSequence: canBeReferred(source.series) ? [referencedSeries(source.series)] : undefined,
  };
}

function patientAndStudy({ source: { series }, uid }: ObjectToWrite): Attributes {
  const { studyUid, attributes } = series;
  return {
    PatientName: attributes.patientName ?? "",
    PatientID: attributes.patientId ?? "",
    PatientBirthDate: attributes.patientBirthDate ?? "",
    PatientSex: attributes.patientSex ?? "",
    PatientAge: attributes.patientAge,
    PatientSize: readable(attributes.patientSize),
    PatientWeight: readable(attributes.patientWeight),
    StudyInstanceUID: studyUid || uid(),
    StudyDate: attributes.studyDate ?? "",
    StudyTime: attributes.studyTime ?? "",
    StudyID: attributes.studyId ?? "",
    StudyDescription: attributes.studyDescription,
    AccessionNumber: attributes.accessionNumber ?? "",
    ReferringPhysicianName: attributes.referringPhysician ?? "",
  };
}

/** Left out if it is no number: others' mistakes are not repeated. */
function readable(number: string | undefined): string | undefined {
  return Number.isFinite(Number(number)) ? number : undefined;
}

function seriesAndEquipment({ source, options, instance, uid }: ObjectToWrite): Attributes {
  const { date = new Date(), seriesNumber = 300, seriesDescription = "Segmentation" } = options;
  const two = (value: number) => String(value).padStart(2, "0");
  const day = `${String(date.getFullYear()).padStart(4, "0")}${two(date.getMonth() + 1)}${two(date.getDate())}`;
  const time = `${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
  return {
    SpecificCharacterSet: "ISO_IR 192",
    SOPClassUID: segmentationStorage,
    SOPInstanceUID: instance,
    Modality: "SEG",
    SeriesInstanceUID: uid(),
    SeriesNumber: seriesNumber,
    SeriesDescription: seriesDescription,
    SeriesDate: day,
    SeriesTime: time,
    ContentDate: day,
    ContentTime: time,
    InstanceCreationDate: day,
    InstanceCreationTime: time,
    InstanceNumber: 1,
    FrameOfReferenceUID: source.series.frameOfReferenceUid || undefined,
    PositionReferenceIndicator: source.series.frameOfReferenceUid === "" ? undefined : "",
    Manufacturer: "rfmedsam",
    ManufacturerModelName: options.algorithmName ?? "rfmedsam",
    DeviceSerialNumber: "0",
    SoftwareVersions: options.softwareVersion ?? "0",
  };
}

function imageModules({ source, options, frames, segments }: ObjectToWrite): Attributes {
  const values = segments.flatMap((segment) => [...new Set(segment.values)]);
  return {
    ImageType: ["DERIVED", "PRIMARY"],
    ContentLabel: "SEGMENTATION",
    ContentDescription: options.seriesDescription ?? "Segmentation",
    ContentCreatorName: options.creator ?? "",
    SamplesPerPixel: 1,
    PhotometricInterpretation: "MONOCHROME2",
    NumberOfFrames: frames.length,
    Rows: source.series.rows,
    Columns: source.series.columns,
    BitsAllocated: 1,
    BitsStored: 1,
    HighBit: 0,
    PixelRepresentation: 0,
    LossyImageCompression: "00",
    SegmentationType: "BINARY",
    SegmentsOverlap: values.length > new Set(values).size ? "YES" : "NO",
  };
}

/** Frames are counted by segment, then by position. */
function dimensions({ uid }: ObjectToWrite): Attributes {
  const organization = { DimensionOrganizationUID: uid() };
  return {
    DimensionOrganizationSequence: [organization],
    DimensionIndexSequence: [
      {
        ...organization,
        DimensionIndexPointer: "ReferencedSegmentNumber",
        FunctionalGroupPointer: "SegmentIdentificationSequence",
        DimensionDescriptionLabel: "Segment Number",
      },
      {
        ...organization,
        DimensionIndexPointer: "ImagePositionPatient",
        FunctionalGroupPointer: "PlanePositionSequence",
        DimensionDescriptionLabel: "Image Position Patient",
      },
    ],
  };
}

function segmentItem(segment: ListedSegment, number: number, options: WriteDicomSegOptions): Attributes {
  const { category, type, modifiers, region, regionModifiers = [] } = segment.concept;
  return {
    SegmentNumber: number,
    SegmentLabel: segment.label,
    SegmentDescription: segment.description,
    SegmentAlgorithmType: "AUTOMATIC",
    SegmentAlgorithmName: options.algorithmName ?? "rfmedsam",
    SegmentedPropertyCategoryCodeSequence: [codeItem(category)],
    SegmentedPropertyTypeCodeSequence: [
      {
        ...codeItem(type),
        SegmentedPropertyTypeModifierCodeSequence: modifiers.length === 0 ? undefined : modifiers.map(codeItem),
      },
    ],
    AnatomicRegionSequence: region && [
      {
        ...codeItem(region),
        AnatomicRegionModifierSequence: regionModifiers.length === 0 ? undefined : regionModifiers.map(codeItem),
      },
    ],
    RecommendedDisplayCIELabValue: labOfRgb(segment.colour),
  };
}

function codeItem({ value, scheme, meaning }: Code): Attributes {
  return { CodeValue: value, CodingSchemeDesignator: scheme, CodeMeaning: meaning };
}

const segmentationCode = codeItem({ value: "113076", scheme: "DCM", meaning: "Segmentation" });
const sourceImageCode = codeItem({
  value: "121322",
  scheme: "DCM",
  meaning: "Source image for image processing operation",
});

function sharedGroups(series: DicomSeriesInfo): Attributes {
  const { slices, pixelSpacing, sliceThickness } = series;
  const [first] = slices;
  const between = sliceDistance(slices);
  return {
    PixelMeasuresSequence: [
      {
        PixelSpacing: pixelSpacing,
        SliceThickness: sliceThickness !== undefined && sliceThickness > 0 ? sliceThickness : (between ?? 1),
        SpacingBetweenSlices: between,
      },
    ],
    PlaneOrientationSequence: [{ ImageOrientationPatient: first!.imageOrientation!.flat() }],
  };
}

/** Distance along the normal, above 0 whichever way the slices are counted; none for a single slice or slices that lie unevenly. */
function sliceDistance(slices: readonly DicomSliceInfo[]): number | undefined {
  if (slices.length < 2) return undefined;
  const positions = slices.map(({ imagePosition }) => imagePosition!);
  const normal = cross(...slices[0]!.imageOrientation!);
  const step = scaled(minus(positions.at(-1)!, positions[0]!), 1 / (positions.length - 1));
  const off = positions.map((position, k) => distance(position, along(positions[0]!, step, k)));
  const uneven = Math.max(...off) > 0.02 * length(step) + 0.01;
  // Positions are decimal numbers; ten digits of their difference are meant, the rest is binary noise.
  return uneven ? undefined : Math.abs(Number((dot(step, normal) / length(normal)).toPrecision(10)));
}

function frameGroups({ frames, source: { series } }: ObjectToWrite): Attributes[] {
  const referring = canBeReferred(series);
  // The index of a position counts only those that occur.
  const occurring = [...new Set(frames.map(({ slice }) => slice))].sort((a, b) => a - b);
  const rank = new Map(occurring.map((slice, index) => [slice, index + 1]));
  return frames.map(({ segment, slice }) => {
    const image = series.slices[slice]!;
    return {
      FrameContentSequence: [{ DimensionIndexValues: [segment + 1, rank.get(slice)!] }],
      SegmentIdentificationSequence: [{ ReferencedSegmentNumber: segment + 1 }],
      PlanePositionSequence: [{ ImagePositionPatient: image.imagePosition! }],
      DerivationImageSequence: referring ? [derivation(image)] : undefined,
    };
  });
}

function derivation(image: DicomSliceInfo): Attributes {
  return {
    DerivationCodeSequence: [segmentationCode],
    SourceImageSequence: [
      {
        ...reference(image),
        ReferencedFrameNumber: image.frames > 1 ? image.frame : undefined,
        PurposeOfReferenceCodeSequence: [sourceImageCode],
      },
    ],
  };
}

function reference({ sopClassUid, sopInstanceUid }: DicomSliceInfo): Attributes {
  return { ReferencedSOPClassUID: sopClassUid, ReferencedSOPInstanceUID: sopInstanceUid };
}

function referencedSeries({ seriesUid, slices }: DicomSeriesInfo): Attributes {
  const instances = new Map(slices.map((slice) => [slice.sopInstanceUid, reference(slice)]));
  return { SeriesInstanceUID: seriesUid, ReferencedInstanceSequence: [...instances.values()] };
}

/** References need the series' and every image's identifiers; without them a segmentation has its place in the patient alone. */
function canBeReferred({ seriesUid, slices }: DicomSeriesInfo): boolean {
  return seriesUid !== "" && slices.every(hasIdentifiers);
}

/** Whether an image can be referred to. */
export function hasIdentifiers({ sopClassUid, sopInstanceUid }: DicomSliceInfo): boolean {
  return sopClassUid !== "" && sopInstanceUid !== "";
}
