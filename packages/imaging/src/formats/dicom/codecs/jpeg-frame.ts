/** What the frame header of any JPEG (also lossless and JPEG-LS) claims, read before a decoder believes it. Source: ITU-T T.81, T.87. */

export interface JpegFrame {
  readonly width: number;
  readonly height: number;
  readonly precision: number;
  readonly components: number;
  /** Where the first scan's coded data starts. */
  readonly scan: number;
}

const markerOfJpegLs = 0xf7;
const startOfScan = 0xda;
const notFrames = new Set([0xc4, 0xc8, 0xcc]);

/** The first frame header in front of the first scan; `undefined` if there is none. */
export function jpegFrame(bytes: Uint8Array): JpegFrame | undefined {
  if (bytes[0] !== 0xff || bytes[1] !== 0xd8) return undefined;
  let frame: Omit<JpegFrame, "scan"> | undefined;
  for (let at = 2; at + 4 <= bytes.length && bytes[at] === 0xff; ) {
    const marker = bytes[at + 1]!;
    if (marker === 0xff) {
      at += 1;
      continue;
    }
    const length = word(bytes, at + 2);
    if (length < 2) return undefined;
    const isFrame = marker === markerOfJpegLs || (marker >= 0xc0 && marker <= 0xcf && !notFrames.has(marker));
    if (isFrame && length >= 8 && frame === undefined) {
      const [precision, components] = [bytes[at + 4]!, bytes[at + 9]!];
      frame = { precision, height: word(bytes, at + 5), width: word(bytes, at + 7), components };
    }
    at += 2 + length;
    if (marker === startOfScan) return frame === undefined ? undefined : { ...frame, scan: at };
  }
  return undefined;
}

/** Whether the coded data has its end marker. */
export function endsProperly(bytes: Uint8Array, from: number): boolean {
  for (let at = bytes.lastIndexOf(0xff); at >= from; at = bytes.lastIndexOf(0xff, at - 1)) {
    if (bytes[at + 1] === 0xd9) return true;
    if (at === 0) break;
  }
  return false;
}

function word(bytes: Uint8Array, at: number): number {
  return ((bytes[at] ?? 0) << 8) | (bytes[at + 1] ?? 0);
}
