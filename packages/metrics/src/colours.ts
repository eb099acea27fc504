/**
 * The colour of each label, the same in every picture and report.
 *
 * The first seven are Okabe & Ito's (jfly.uni-koeln.de/color, 2008), made to be told apart with any colour vision; the others were
 * chosen one after the other to lie as far as possible from all before them in OKLab, for normal vision and for protanopia,
 * deuteranopia and tritanopia as simulated by Machado et al. (2009). Greys are left to the image.
 */

export type Rgb = readonly [red: number, green: number, blue: number];

/** Colours of the labels 1, 2, 3 … in this order. */
export const labelColours: readonly Rgb[] = [
  [213, 94, 0],
  [86, 180, 233],
  [240, 228, 66],
  [0, 158, 115],
  [204, 121, 167],
  [0, 114, 178],
  [230, 159, 0],
  [135, 30, 75],
  [135, 255, 255],
  [45, 45, 195],
  [150, 120, 240],
  [150, 75, 120],
  [165, 210, 180],
  [180, 15, 0],
  [195, 255, 180],
  [150, 15, 255],
  [150, 180, 135],
  [105, 210, 255],
  [105, 45, 135],
  [225, 195, 105],
];

/** Colour of a label from 1; after the last colour the first comes again. */
export function colourOf(label: number): Rgb {
  return labelColours[(label - 1) % labelColours.length] ?? [255, 255, 255];
}

/** `#rrggbb`. */
export const hexOf = (colour: Rgb): string =>
  `#${colour.map((channel) => channel.toString(16).padStart(2, "0")).join("")}`;
