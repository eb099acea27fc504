/** SAM 2.1: encoding a slice, answering a click, and segmenting a slice from memories. Without gradients, as in use. */
import { type ImageEmbedding, officialSam2Configs, Sam2, withImageSize } from "@rfmedsam/models";
import { noGrad, randn, scope, type Tensor } from "@rfmedsam/torch";
import { answerSam2, clickIn, drawn } from "./official.js";
import { named, sample, type Work } from "./work.js";

export interface Sam2Parameters {
  readonly size: "t" | "s" | "b+" | "l";
  readonly imageSize: number;
}

function drawnSam2({ size, imageSize }: Sam2Parameters): Sam2 {
  return drawn(() => new Sam2(withImageSize(officialSam2Configs[`sam2.1_hiera_${size}`], imageSize)).eval());
}

export function imageEncoder(parameters: Sam2Parameters): Work {
  const sam = drawnSam2(parameters);
  const { imageSize } = parameters;
  const image = randn([1, 3, imageSize, imageSize]).keep();
  return {
    tensors: named(sam.stateDict(), { image }),
    run: () =>
      noGrad(() =>
        scope(() => {
          const { features, highRes } = sam.encodeImage(image);
          return sample([features, ...(highRes ?? [])]);
        }),
      ),
  };
}

/** An embedding without an image, with the tensors that make it. */
function randomEmbedding(sam: Sam2) {
  const width = sam.config.imageEncoder.neck.dModel;
  const side = sam.config.imageSize / sam.config.backboneStride;
  const features = randn([1, width, side, side]).keep();
  const stride4 = randn([1, width / 8, 4 * side, 4 * side]).keep();
  const stride8 = randn([1, width / 4, 2 * side, 2 * side]).keep();
  const position = sam.imageEncoder.position.forward(features);
  const embedding: ImageEmbedding = { features, position, highRes: [stride4, stride8] };
  return { width, side, embedding, inputs: { features, stride4, stride8 } };
}

/** Prompt encoder and mask decoder: what a click costs once the image's embedding is there. */
export function click(parameters: Sam2Parameters): Work {
  const sam = drawnSam2(parameters);
  const { embedding, inputs } = randomEmbedding(sam);
  const points = clickIn(parameters.imageSize);
  return {
    tensors: named(sam.stateDict(), { ...inputs, coords: points.coords, labels: points.labels }),
    run: () => noGrad(() => scope(() => sample(answerSam2(sam, embedding, points)))),
  };
}

export interface TrackedSliceParameters extends Sam2Parameters {
  readonly objects: number;
  /** Spatial memories, at distances 0 (a conditioning slice), 1, 2 … */
  readonly memories: number;
  /** Object pointers, at distances 0, 1, 2 … */
  readonly pointers: number;
}

/** Memory attention, mask decoder, memory encoder: what a slice costs once its embedding is there. */
export function trackedSlice({ objects, memories, pointers, ...parameters }: TrackedSliceParameters): Work {
  const sam = drawnSam2(parameters);
  const { width, side, embedding, inputs } = randomEmbedding(sam);
  const distances = (count: number) => Array.from({ length: count }, (_, distance) => distance);
  const spatial = distances(memories).map((distance) => ({
    features: randn([objects, sam.config.memoryEncoder.outDim, side, side]).keep(),
    distance,
  }));
  const pointed = distances(pointers).map((distance) => ({ pointer: randn([objects, width]).keep(), distance }));
  const remembered = (kind: string, tensors: readonly Tensor[]) =>
    Object.fromEntries(tensors.map((tensor, distance) => [`${kind}.${distance}`, tensor]));
  return {
    tensors: named(sam.stateDict(), {
      ...inputs,
      ...remembered(
        "memory",
        spatial.map(({ features }) => features),
      ),
      ...remembered(
        "pointer",
        pointed.map(({ pointer }) => pointer),
      ),
    }),
    run: () =>
      noGrad(() =>
        scope(() => {
          const conditioned = sam.condition(embedding, { spatial, pointers: pointed });
          const head = sam.decode(conditioned, {}, { highRes: embedding.highRes, multimask: true });
          const memory = sam.encodeMemory(embedding, head.highResMasks, head.objectScores);
          return sample([head.highResMasks, head.pointer, memory]);
        }),
      ),
  };
}
