/** What a file is by its first bytes, in words for an error message. Names and suffixes are never trusted. */

interface Signature {
  readonly says: string;
  readonly at?: number;
  readonly bytes: readonly number[] | string;
}

const signatures: readonly Signature[] = [
  { says: "looks like a DICOM file", at: 128, bytes: "DICM" },
  { says: "looks like a PNG picture", bytes: [0x89, 0x50, 0x4e, 0x47] },
  { says: "looks like a JPEG picture", bytes: [0xff, 0xd8, 0xff] },
  { says: "looks like a TIFF picture", bytes: "II*\0" },
  { says: "looks like a TIFF picture", bytes: "MM\0*" },
  { says: "looks like a GIF picture", bytes: "GIF8" },
  { says: "looks like an NRRD file", bytes: "NRRD" },
  { says: "looks like a MetaImage (.mha) header", bytes: "ObjectType" },
  { says: "looks like a NumPy array (.npy)", bytes: [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59] },
  { says: "looks like an HDF5 file", bytes: [0x89, 0x48, 0x44, 0x46] },
  { says: "looks like a zip archive", bytes: "PK\x03\x04" },
  { says: "looks like a PDF document", bytes: "%PDF" },
  { says: "looks like a bzip2 archive", bytes: "BZh" },
  { says: "looks like an xz archive", bytes: [0xfd, 0x37, 0x7a, 0x58, 0x5a] },
  { says: "looks like a Zstandard archive", bytes: [0x28, 0xb5, 0x2f, 0xfd] },
  { says: "looks like a tar archive", at: 257, bytes: "ustar" },
];

export function isGzip(bytes: Uint8Array): boolean {
  return bytes.length >= 3 && bytes[0] === 0x1f && bytes[1] === 0x8b && bytes[2] === 8;
}

/** A predicate about the file ("looks like …", "is empty"), to follow the word "it". */
export function describeBytes(bytes: Uint8Array): string {
  if (bytes.length === 0) return "is empty";
  const known = signatures.find((signature) => matches(bytes, signature));
  if (known !== undefined) return known.says;
  if (isGzip(bytes)) return "looks like a gzip file";
  const head = bytes.subarray(0, 64);
  if (head.every((byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte !== 127))) {
    const line = new TextDecoder().decode(head).split(/[\r\n]/)[0] ?? "";
    return `looks like text ("${line.slice(0, 40)}${line.length > 40 ? "…" : ""}")`;
  }
  const first = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `starts with the bytes ${first}`;
}

function matches(bytes: Uint8Array, { at = 0, bytes: wanted }: Signature): boolean {
  const expected = typeof wanted === "string" ? [...wanted].map((letter) => letter.charCodeAt(0)) : wanted;
  return expected.every((byte, index) => bytes[at + index] === byte);
}
