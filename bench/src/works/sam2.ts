/** SAM 2.1 with the tiny Hiera: encoding a slice, and segmenting one from memories. Without gradients, as in use. */
import { officialSam2Configs, Sam2, withImageSize } from "@rfmedsam/models";
import { manualSeed, noGrad, randn, scope, type Tensor } from "@rfmedsam/torch";
import { named, sample, type Work } from "./work.js";

function model(imageSize: number): Sam2 {
  manualSeed(1);
  const sam = new Sam2(withImageSize(officialSam2Configs["sam2.1_hiera_t"], imageSize)).eval();
  // Random weights would see an object or not by chance; here they always do.
  noGrad(() => sam.stateDict().get("sam_mask_decoder.pred_obj_score_head.layers.2.bias")?.fill_(10));
  return sam;
}

export interface ImageEncoderParameters {
  readonly imageSize: number;
}

export function imageEncoder({ imageSize }: ImageEncoderParameters): Work {
  const sam = model(imageSize);
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

export interface TrackedSliceParameters {
  readonly imageSize: number;
  readonly objects: number;
  /** Spatial memories, at distances 0 (a conditioning slice), 1, 2 … */
  readonly memories: number;
  /** Object pointers, at distances 0, 1, 2 … */
  readonly pointers: number;
}

/** Memory attention, mask decoder, memory encoder: what a slice costs once its embedding is there. */
export function trackedSlice({ imageSize, objects, memories, pointers }: TrackedSliceParameters): Work {
  const sam = model(imageSize);
  const width = sam.config.imageEncoder.neck.dModel;
  const side = imageSize / sam.config.backboneStride;
  const distances = (count: number) => Array.from({ length: count }, (_, distance) => distance);
  const features = randn([1, width, side, side]).keep();
  const highRes = [randn([1, width / 8, 4 * side, 4 * side]).keep(), randn([1, width / 4, 2 * side, 2 * side]).keep()];
  const [stride4, stride8] = highRes as [Tensor, Tensor];
  const spatial = distances(memories).map((distance) => ({
    features: randn([objects, sam.config.memoryEncoder.outDim, side, side]).keep(),
    distance,
  }));
  const pointed = distances(pointers).map((distance) => ({ pointer: randn([objects, width]).keep(), distance }));
  const embedding = {
    features,
    position: sam.imageEncoder.position.forward(features),
    highRes: [stride4, stride8],
  } as const;
  return {
    tensors: named(sam.stateDict(), {
      features,
      stride4,
      stride8,
      ...Object.fromEntries(spatial.map((memory) => [`memory.${memory.distance}`, memory.features])),
      ...Object.fromEntries(pointed.map((pointer) => [`pointer.${pointer.distance}`, pointer.pointer])),
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
