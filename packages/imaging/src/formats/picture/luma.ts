/** Colours → grey by luma (ITU-R BT.601, in the integers Pillow's `convert("L")` uses). */

/** @param colours interleaved, `channels` per pixel, red, green and blue first; 8 or 16 bits @returns the same element type, and whether all was grey */
export function luma<T extends Uint8Array | Uint16Array>(colours: T, channels: number): { grey: T; wasGrey: boolean } {
  const Type = colours.constructor as new (length: number) => T;
  const grey = new Type(colours.length / channels);
  let wasGrey = true;
  for (let to = 0, from = 0; to < grey.length; to++, from += channels) {
    const [r, g, b] = [colours[from]!, colours[from + 1]!, colours[from + 2]!];
    if (r !== g || g !== b) wasGrey = false;
    // The weights sum to 65536: grey stays what it is.
    grey[to] = Math.floor((r * 19595 + g * 38470 + b * 7471 + 32768) / 65536);
  }
  return { grey, wasGrey };
}
