/** Header extensions: blocks of a code and bytes between header and voxels. Damaged ones are skipped; voxels do not depend on them. */

export interface NiftiExtension {
  /** 2 = DICOM, 4 = AFNI XML, 6 = plain text, … (nifti1.h). */
  readonly code: number;
  readonly bytes: Uint8Array;
}

/** @param between the bytes after the header, starting with the four flag bytes */
export function parseExtensions(between: Uint8Array, littleEndian: boolean, warnings: string[]): NiftiExtension[] {
  const extensions: NiftiExtension[] = [];
  if (between.length < 12 || between[0] === 0) return extensions;
  const view = new DataView(between.buffer, between.byteOffset, between.byteLength);
  for (let at = 4; at + 8 <= between.length; ) {
    const size = view.getInt32(at, littleEndian);
    if (size < 8 || at + size > between.length) {
      warnings.push(`header extension ${extensions.length + 1} announces ${size} bytes and is ignored`);
      break;
    }
    const padded = between.slice(at + 8, at + size);
    extensions.push({ code: view.getInt32(at + 4, littleEndian), bytes: padded });
    at += size;
  }
  return extensions;
}
