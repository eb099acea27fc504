/** What the refiner's handles take, and how many of them there is room for. */
import type { RefinerRoom } from "@rfmedsam/segmenter";
import type { Sam2Config } from "../sam2/config.js";

/** Bytes of a slice's embedding. */
export function embeddingBytes({
  imageEncoder,
  imageSize,
  backboneStride,
  useHighResFeaturesInSam,
}: Sam2Config): number {
  const cells = (imageSize / backboneStride) ** 2;
  // Beside it, at an eighth and a quarter of the picture, a quarter and an eighth of the channels.
  const highRes = useHighResFeaturesInSam ? 4 / 4 + 16 / 8 : 0;
  return 4 * imageEncoder.neck.dModel * cells * (1 + highRes);
}

/** Bytes of one object's memory of a slice, its pointer included, as float32. */
export function memoryBytes({ imageEncoder, memoryEncoder, imageSize, backboneStride }: Sam2Config): number {
  return 4 * (memoryEncoder.outDim * (imageSize / backboneStride) ** 2 + imageEncoder.neck.dModel);
}

/** A quarter for either, the rest for the work itself. @param bytes there are */
export function roomIn(bytes: number, config: Sam2Config): RefinerRoom {
  return {
    embeddings: Math.floor(bytes / 4 / embeddingBytes(config)),
    memories: Math.floor(bytes / 4 / memoryBytes(config)),
  };
}
