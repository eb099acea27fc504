/** How a file's bytes are laid out and its pixels packed: one row per transfer syntax. Source: DICOM PS3.5 and PS3.6 annex A. */

/** What unpacks a frame; `none` for plain pixels. */
export type CodecName = "none" | "rle" | "jpeg" | "jpeg-lossless" | "jpeg-ls" | "jpeg-2000";

export interface TransferSyntax {
  readonly uid: string;
  readonly name: string;
  readonly explicit: boolean;
  readonly bigEndian: boolean;
  readonly deflated: boolean;
  /** `undefined`: known by name, not read. */
  readonly codec: CodecName | undefined;
}

type Row = readonly [uid: string, name: string, codec: CodecName | undefined, layout?: Partial<TransferSyntax>];

const rows: readonly Row[] = [
  ["1.2.840.10008.1.2", "implicit VR little endian", "none", { explicit: false }],
  ["1.2.840.10008.1.2.1", "explicit VR little endian", "none"],
  ["1.2.840.10008.1.2.1.99", "deflated explicit VR little endian", "none", { deflated: true }],
  ["1.2.840.10008.1.2.2", "explicit VR big endian", "none", { bigEndian: true }],
  ["1.2.840.10008.1.2.5", "RLE lossless", "rle"],
  ["1.2.840.10008.1.2.4.50", "JPEG baseline (lossy, 8 bits)", "jpeg"],
  ["1.2.840.10008.1.2.4.51", "JPEG extended (lossy, 8 or 12 bits)", "jpeg"],
  ["1.2.840.10008.1.2.4.57", "JPEG lossless (process 14)", "jpeg-lossless"],
  ["1.2.840.10008.1.2.4.70", "JPEG lossless (process 14, first-order prediction)", "jpeg-lossless"],
  ["1.2.840.10008.1.2.4.80", "JPEG-LS lossless", "jpeg-ls"],
  ["1.2.840.10008.1.2.4.81", "JPEG-LS near-lossless", "jpeg-ls"],
  ["1.2.840.10008.1.2.4.90", "JPEG 2000 (lossless only)", "jpeg-2000"],
  ["1.2.840.10008.1.2.4.91", "JPEG 2000", "jpeg-2000"],
  ["1.2.840.10008.1.2.4.92", "JPEG 2000 multi-component (lossless only)", undefined],
  ["1.2.840.10008.1.2.4.93", "JPEG 2000 multi-component", undefined],
  ["1.2.840.10008.1.2.4.100", "MPEG-2 video", undefined],
  ["1.2.840.10008.1.2.4.102", "MPEG-4 video", undefined],
  ["1.2.840.10008.1.2.4.107", "HEVC video", undefined],
  ["1.2.840.10008.1.2.4.110", "JPEG XL (lossless)", undefined],
  ["1.2.840.10008.1.2.4.201", "High-Throughput JPEG 2000 (lossless only)", undefined],
  ["1.2.840.10008.1.2.4.202", "High-Throughput JPEG 2000 (lossless only, RPCL)", undefined],
  ["1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000", undefined],
];

const known: ReadonlyMap<string, TransferSyntax> = new Map(
  rows.map(([uid, name, codec, layout]) => [
    uid,
    { uid, name, codec, explicit: true, bigEndian: false, deflated: false, ...layout },
  ]),
);

/** The row of a UID; an unknown one is taken for an explicit little-endian data set whose pixels are not read. */
export function transferSyntax(uid: string): TransferSyntax {
  const row = known.get(uid);
  if (row !== undefined) return row;
  return { uid, name: "unknown", codec: undefined, explicit: true, bigEndian: false, deflated: false };
}

/** What old files without a header of their own are written in. */
export const implicitLittleEndian = transferSyntax("1.2.840.10008.1.2");
export const explicitLittleEndian = transferSyntax("1.2.840.10008.1.2.1");
