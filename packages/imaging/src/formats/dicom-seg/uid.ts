/** Unique identifiers without a registered root: `2.25.` and a random UUID as a number. Source: DICOM PS3.5 section B.2. */

export function newUid(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[6] = (bytes[6]! & 0x0f) | 0x40;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  return `2.25.${bytes.reduce((number, byte) => number * 256n + BigInt(byte), 0n)}`;
}

/** Says which program's encoder wrote a file. */
export const implementation = { uid: "2.25.60310024967525649041466869510723565238", name: "RFMEDSAM_1" } as const;
