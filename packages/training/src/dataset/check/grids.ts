/** How two grids differ, as a sentence for a table. */
import { GeometryError } from "@rfmedsam/base";
import { assertSameGrid, type Grid, type Triple } from "@rfmedsam/imaging";

/** What is different about `grid`; undefined when it is the image's. */
export function gridDifference(image: Grid, grid: Grid): string | undefined {
  try {
    assertSameGrid(image, grid);
    return undefined;
  } catch (error) {
    if (!(error instanceof GeometryError)) throw error;
    return error.found.slice(error.found.indexOf("; ") + 2);
  }
}

/** Up to four significant digits. */
export const shortNumber = (value: number): string => String(Number(value.toPrecision(4)));

export const formatTriple = (triple: Triple): string => triple.map(shortNumber).join("×");
