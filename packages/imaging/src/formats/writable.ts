/** What every writer asks of a volume first. */
import { ConfigError } from "@rfmedsam/base";
import { assertAffine } from "../geometry.js";
import { formatShape } from "../grid.js";
import { type Volume, voxelCount } from "../volume.js";

/** @throws ConfigError when the voxels do not fill the shape; GeometryError for an affine that is none */
export function assertWritable({ data, shape, affine }: Volume): void {
  const sized = shape.every((size) => Number.isInteger(size) && size >= 1);
  if (!sized || data.length !== voxelCount(shape)) {
    throw new ConfigError({
      found: `${data.length} voxels for the shape ${formatShape(shape)}`,
      expected: `${voxelCount(shape)} voxels, at least one per axis`,
    });
  }
  assertAffine(affine);
}
