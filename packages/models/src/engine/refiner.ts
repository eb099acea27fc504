/**
 * SAM 2 behind the segmenter's `RefinerNetwork`. Handles are objects that hold tensors where the network is (GPU memory included);
 * `release` frees them.
 */
import type {
  AnyHandle,
  ConditionedHandle,
  Decoded,
  DecodedHandle,
  EmbeddingHandle,
  handleKind,
  MemoryHandle,
  MemoryReference,
  ObjectPrompts,
  RefinerNetwork,
} from "@rfmedsam/segmenter";
import { type Device, noGrad, scope, type Tensor, tensor } from "@rfmedsam/torch";
import type { ImageEmbedding, MemorySet } from "../sam2/memory-set.js";
import type { Sam2Base } from "../sam2/sam2-base.js";

/** What a handle holds; freed together. */
abstract class Held {
  abstract readonly tensors: readonly Tensor[];

  free(): void {
    for (const held of this.tensors) held.free();
  }
}

class Embedding extends Held implements EmbeddingHandle {
  declare readonly [handleKind]: "embedding";
  readonly tensors: readonly Tensor[];

  constructor(readonly image: ImageEmbedding) {
    super();
    this.tensors = [image.features, image.position, ...(image.highRes ?? [])];
  }
}

class Conditioned extends Held implements ConditionedHandle {
  declare readonly [handleKind]: "conditioned";
  readonly tensors: readonly Tensor[];

  constructor(readonly features: Tensor) {
    super();
    this.tensors = [features];
  }
}

class DecodedState extends Held implements DecodedHandle {
  declare readonly [handleKind]: "decoded";
  readonly tensors: readonly Tensor[];

  constructor(
    readonly masks: Tensor,
    readonly objectScores: Tensor,
    readonly pointer: Tensor,
  ) {
    super();
    this.tensors = [masks, objectScores, pointer];
  }
}

class Memory extends Held implements MemoryHandle {
  declare readonly [handleKind]: "memory";
  readonly tensors: readonly Tensor[];

  constructor(
    readonly features: Tensor,
    readonly pointer: Tensor,
  ) {
    super();
    this.tensors = [features, pointer];
  }
}

export class TorchRefiner implements RefinerNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly memorySlots: number;

  /** @param model in evaluation mode, on `device` */
  constructor(
    readonly model: Sam2Base,
    readonly device: Device = "cpu",
  ) {
    this.imageSize = model.config.imageSize;
    this.maskSize = model.config.imageSize / 4;
    this.memorySlots = model.config.numMaskmem;
  }

  async embed(slices: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    return this.#infer(() => {
      const { features, position, highRes } = this.model.encodeImage(
        tensor(slices, [count, 3, this.imageSize, this.imageSize], { device: this.device }),
      );
      // A slice of a batch gets memory of its own, so that releasing it frees something.
      const own = (x: Tensor, index: number) => (count === 1 ? x.alias() : x.narrow(0, index, 1).clone());
      return Array.from(
        { length: count },
        (_, index) =>
          new Embedding({
            features: own(features, index),
            position: position.alias(),
            highRes: highRes && ([own(highRes[0], index), own(highRes[1], index)] as const),
          }),
      );
    });
  }

  async decode(embedding: EmbeddingHandle, prompts: ObjectPrompts, conditioned?: ConditionedHandle): Promise<Decoded> {
    const { image } = embedding as Embedding;
    const { count, boxes, masks, points } = prompts;
    const { device } = this;
    const { objectScores, ious, logits, state } = this.#infer(() => {
      const asked = {
        boxes: boxes && tensor(boxes, [count, 4], { device }),
        masks: masks && tensor(masks, [count, 1, this.maskSize, this.maskSize], { device }),
        points: points && {
          coords: tensor(points.coords, [count, points.perObject, 2], { device }),
          labels: tensor(points.labels, [count, points.perObject], { device }),
        },
      };
      // Without memory the image is told so, as SAM 2 tells its first frames.
      const features =
        conditioned === undefined
          ? this.model.condition(image, { spatial: [] })
          : (conditioned as Conditioned).features;
      const single = masks !== undefined || boxes !== undefined || (points?.perObject ?? 0) > 1;
      const head = this.model.decode(features, asked, { highRes: image.highRes, multimask: !single });
      return {
        objectScores: head.objectScores.toFloat32Array(),
        ious: (single ? head.ious : head.ious.amax({ dim: [1], keepdim: true })).toFloat32Array(),
        logits: head.lowResMasks.toFloat32Array(),
        state: new DecodedState(head.highResMasks, head.objectScores, head.pointer),
      };
    });
    return { objectScores, ious, logits, state };
  }

  async remember(embedding: EmbeddingHandle, decoded: DecodedHandle): Promise<MemoryHandle> {
    const { image } = embedding as Embedding;
    const { masks, objectScores, pointer } = decoded as DecodedState;
    return this.#infer(() => new Memory(this.model.encodeMemory(image, masks, objectScores), pointer.clone()));
  }

  async attend(
    embedding: EmbeddingHandle,
    references: readonly (readonly MemoryReference[])[],
  ): Promise<ConditionedHandle> {
    const { image } = embedding as Embedding;
    return this.#infer(() => new Conditioned(this.model.condition(image, references.map(memorySet))));
  }

  release(...handles: readonly AnyHandle[]): void {
    for (const handle of handles) (handle as unknown as Held).free();
  }

  #infer<T>(body: () => T): T {
    return noGrad(() => scope(body));
  }
}

/** One object's references as the model takes them: distances of pointers count from the memory to here. */
function memorySet(references: readonly MemoryReference[]): MemorySet {
  const rows = references.map(({ memory, row, position, offset }) => {
    const { features, pointer } = memory as Memory;
    return { features: features.narrow(0, row, 1), pointer: pointer.narrow(0, row, 1), position, offset };
  });
  return {
    spatial: rows.map(({ features, position }) => ({ features, distance: position })),
    pointers: rows.map(({ pointer, offset }) => ({ pointer, distance: -offset })),
  };
}
