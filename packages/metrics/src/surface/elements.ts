/**
 * How large the piece of a mask's surface is that passes through the corner where voxels meet: for each of the 256 ways in which the eight
 * voxels around it can be inside or outside, the triangles of marching cubes.
 *
 * Source: the table of google-deepmind/surface-distance (Apache-2.0), reduced to what an area needs: a triangle is the three components of
 * its area vector in eighths of a voxel face, without signs. Inside and outside exchanged give the same triangles, so half the codes do.
 */

/** Triangles by kind, three digits each. */
const triangles: Readonly<Record<string, string>> = {
  ".": "",
  a: "111",
  b: "004 004",
  c: "022 022",
  d: "040 040",
  e: "111 111",
  f: "202 202",
  g: "220 220",
  h: "400 400",
  i: "004 111 222",
  j: "022 022 111",
  k: "040 111 222",
  l: "111 111 111",
  m: "111 202 202",
  n: "111 220 220",
  o: "111 222 400",
  p: "004 111 111 222",
  q: "022 022 022 022",
  r: "022 111 202 333",
  s: "022 111 220 333",
  t: "040 111 111 222",
  u: "111 111 111 111",
  v: "111 111 222 222",
  w: "111 111 222 400",
  x: "111 202 220 333",
  y: "202 202 202 202",
  z: "220 220 220 220",
};

/** The kind of codes 0 to 127; code c and 255 − c are of one kind. */
const kinds =
  ".aagafeoaefogoohacekeilvejmrnswoaeckemjrelivnwsogkkdnxtkntxkznng" +
  "aeencijselmwkvrofimxibpimpymximfeljtjpqjlupltljeovrksijcwlmeneea";

/**
 * Area of the surface element of every neighbourhood, in mm².
 * @param spacing along the three axes of the neighbourhood, mm
 * @returns 256 areas; bit 7 of a code is the voxel before the corner on all three axes, bit 0 the one after it, the last axis changes fastest
 */
export function surfaceAreas(spacing: readonly [number, number, number]): Float64Array {
  const faces = [spacing[1] * spacing[2], spacing[0] * spacing[2], spacing[0] * spacing[1]] as const;
  const area = (triangle: string) => Math.hypot(...faces.map((face, axis) => (Number(triangle[axis]) / 8) * face));
  const areas = new Float64Array(256);
  for (let code = 0; code < 128; code++) {
    for (const triangle of triangles[kinds[code]!]!.split(" ")) if (triangle !== "") areas[code]! += area(triangle);
    areas[255 - code] = areas[code]!;
  }
  return areas;
}

/**
 * Length of the contour element of every neighbourhood of four pixels, in mm.
 * @param spacing `[y, x]` mm
 * @returns 16 lengths; bit 3 is the pixel before the corner on both axes, bit 0 the one after it
 */
export function contourLengths([vertical, horizontal]: readonly [number, number]): Float64Array {
  const corner = Math.hypot(vertical, horizontal) / 2;
  const half = [0, corner, corner, horizontal, corner, vertical, 2 * corner, corner];
  return Float64Array.from({ length: 16 }, (_, code) => half[Math.min(code, 15 - code)]!);
}
