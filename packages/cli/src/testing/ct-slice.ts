/** A DICOM slice for tests: the least that a reader asks for. */

/** Explicit VR little endian, 3×4 pixels of the value z, at height 2.5 z mm. */
export function ctSlice(z: number): Uint8Array {
  const element = (group: number, tag: number, vr: string, value: string | Uint8Array) => {
    const bytes =
      typeof value === "string" ? new TextEncoder().encode(value.padEnd(value.length + (value.length % 2))) : value;
    const long = vr === "OW";
    const head = new DataView(new ArrayBuffer(long ? 12 : 8));
    head.setUint16(0, group, true);
    head.setUint16(2, tag, true);
    head.setUint8(4, vr.charCodeAt(0));
    head.setUint8(5, vr.charCodeAt(1));
    if (long) head.setUint32(8, bytes.length, true);
    else head.setUint16(6, bytes.length, true);
    return [...new Uint8Array(head.buffer), ...bytes];
  };
  const us = (value: number) => Uint8Array.of(value & 255, value >> 8);
  return Uint8Array.from([
    ...new Uint8Array(128),
    ...new TextEncoder().encode("DICM"),
    ...element(0x0002, 0x0010, "UI", "1.2.840.10008.1.2.1\0"),
    ...element(0x0008, 0x0016, "UI", "1.2.840.10008.5.1.4.1.1.2\0"),
    ...element(0x0008, 0x0018, "UI", `1.2.3.4.${z + 1}\0`),
    ...element(0x0008, 0x0060, "CS", "CT"),
    ...element(0x0020, 0x000d, "UI", "1.2.3\0"),
    ...element(0x0020, 0x000e, "UI", "1.2.3.4\0"),
    ...element(0x0020, 0x0032, "DS", `1\\2\\${z * 2.5}`),
    ...element(0x0020, 0x0037, "DS", "1\\0\\0\\0\\1\\0"),
    ...element(0x0020, 0x0052, "UI", "1.2.3.5\0"),
    ...element(0x0028, 0x0002, "US", us(1)),
    ...element(0x0028, 0x0004, "CS", "MONOCHROME2"),
    ...element(0x0028, 0x0010, "US", us(3)),
    ...element(0x0028, 0x0011, "US", us(4)),
    ...element(0x0028, 0x0030, "DS", "0.5\\0.75"),
    ...element(0x0028, 0x0100, "US", us(16)),
    ...element(0x0028, 0x0101, "US", us(16)),
    ...element(0x0028, 0x0102, "US", us(15)),
    ...element(0x0028, 0x0103, "US", us(0)),
    ...element(0x7fe0, 0x0010, "OW", new Uint8Array(24).fill(z)),
  ]);
}
