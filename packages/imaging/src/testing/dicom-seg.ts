/** A DICOM series without its pixels, for segmentations of it. */
import type { DicomSeriesInfo } from "../formats/dicom/decode.js";
import type { SegmentedSeries } from "../formats/dicom-seg/write.js";
import type { Point } from "../geometry.js";
import type { Affine, Triple } from "../volume.js";

/** A series on a grid: one image per slice. */
export function seriesOn(shape: Triple, affine: Affine, given: Partial<DicomSeriesInfo> = {}): SegmentedSeries {
  const column = (n: number): Point => [-affine[n]!, -affine[4 + n]!, affine[8 + n]!];
  const unit = (vector: Point): Point => vector.map((value) => value / Math.hypot(...vector)) as unknown as Point;
  const [i, j, k, origin] = [column(0), column(1), column(2), column(3)];
  const series: DicomSeriesInfo = {
    studyUid: "1.2.3",
    seriesUid: "1.2.3.4",
    frameOfReferenceUid: "1.2.3.5",
    rows: shape[1],
    columns: shape[2],
    pixelSpacing: [Math.hypot(...j), Math.hypot(...i)],
    sliceThickness: undefined,
    attributes: { patientName: "Müller^Jörg", patientWeight: "seventy" },
    slices: Array.from({ length: shape[0] }, (_, n) => ({
      file: `${n}.dcm`,
      sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
      sopInstanceUid: `1.2.3.4.${n + 1}`,
      frame: 1,
      frames: 1,
      imagePosition: origin.map((value, axis) => value + n * k[axis as 0]) as unknown as Point,
      imageOrientation: [unit(i), unit(j)] as const,
    })),
    ...given,
  };
  return { volume: { shape, affine }, series };
}
