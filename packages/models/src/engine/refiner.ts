/**
 * SAM 2 behind the segmenter's `RefinerNetwork`. Handles are objects that hold tensors where the network is (GPU memory included);
 * `release` frees them.
 */
import type {
  AnyHandle,
  ConditionedHandle,
  Decoded,
  DecodedHandle,
  DecodeOptions,
  EmbeddingHandle,
  handleKind,
  MemoryHandle,
  ObjectMemories,
  ObjectPrompts,
  RefinerNetwork,
  RefinerRoom,
  RememberOptions,
  TrackingRules,
} from "@rfmedsam/segmenter";
import { type Device, type Dtype, F, freeMemory, type Tensor, tensor } from "@rfmedsam/torch";
import type { PromptGenerator } from "../generators/generator.js";
import { selectionRules } from "../sam2/memory-bank.js";
import type { ImageEmbedding, MemorySet } from "../sam2/memory-set.js";
import { type Points, pointLabel } from "../sam2/prompt-encoder.js";
import type { HeadOutput, Sam2Base } from "../sam2/sam2-base.js";
import { Held, infer, ownPart, releaseAll } from "./inference.js";
import { roomIn } from "./refiner-room.js";

class Embedding extends Held implements EmbeddingHandle {
  declare readonly [handleKind]: "embedding";

  constructor(readonly image: ImageEmbedding) {
    super([image.features, image.position, ...(image.highRes ?? [])]);
  }
}

class Conditioned extends Held implements ConditionedHandle {
  declare readonly [handleKind]: "conditioned";

  constructor(readonly features: Tensor) {
    super([features]);
  }
}

export class DecodedState extends Held implements DecodedHandle {
  declare readonly [handleKind]: "decoded";

  /** @param masks `[B, 1, S/4, S/4]` logits @param objectScores `[B, 1]` @param pointer `[B, C]` */
  constructor(
    readonly masks: Tensor,
    readonly objectScores: Tensor,
    readonly pointer: Tensor,
  ) {
    super([masks, objectScores, pointer]);
  }
}

export class Memory extends Held implements MemoryHandle {
  declare readonly [handleKind]: "memory";

  /** @param features `[B, memory width, h, w]` @param pointer `[B, C]` */
  constructor(
    readonly features: Tensor,
    readonly pointer: Tensor,
  ) {
    super([features, pointer]);
  }
}

export interface TorchRefinerOptions {
  /**
   * Element type in which spatial memories are kept between slices. `bfloat16` halves them, and is what SAM 2's video predictor
   * does; computing stays in the model's own type. By default they are kept as computed.
   */
  readonly memoryDtype?: Dtype | undefined;
  /** Bytes of which a case's embeddings and memories may take half, if so many are free; otherwise of what is. */
  readonly memory?: number | undefined;
  /** What proposes where every class is, of a model whose prompts come from no U-Net; in evaluation mode, on the model's device. */
  readonly generator?: PromptGenerator | undefined;
}

export class TorchRefiner implements RefinerNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly memorySlots: number;
  readonly tracking: TrackingRules;
  /** There only with a generator. */
  readonly propose?: NonNullable<RefinerNetwork["propose"]>;

  /** @param model in evaluation mode, on `device` */
  constructor(
    readonly model: Sam2Base,
    readonly device: Device = "cpu",
    readonly options: TorchRefinerOptions = {},
  ) {
    const { config } = model;
    this.imageSize = config.imageSize;
    this.maskSize = config.imageSize / 4;
    this.memorySlots = config.numMaskmem;
    this.tracking = {
      memory: selectionRules(config, false),
      multimask: {
        inSam: config.multimaskOutputInSam,
        forTracking: config.multimaskOutputForTracking,
        minPoints: config.multimaskMinPtNum,
        maxPoints: config.multimaskMaxPtNum,
      },
      maskAsOutput: config.useMaskInputAsOutputWithoutSam,
    };
    const { generator } = options;
    if (generator !== undefined) {
      this.propose = async (embedding) =>
        infer(() => generator.propose((embedding as Embedding).image).toFloat32Array());
    }
  }

  async embed(slices: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    return infer(() => {
      const { features, position, highRes } = this.model.encodeImage(
        tensor(slices, [count, 3, this.imageSize, this.imageSize], { device: this.device }),
      );
      return Array.from(
        { length: count },
        (_, index) =>
          new Embedding({
            features: ownPart(features, index),
            position: position.alias(),
            highRes: highRes && ([ownPart(highRes[0], index), ownPart(highRes[1], index)] as const),
          }),
      );
    });
  }

  async decode(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    conditioned?: ConditionedHandle,
    options: DecodeOptions = {},
  ): Promise<Decoded> {
    const { image } = embedding as Embedding;
    const { count, boxes, masks } = prompts;
    const { device } = this;
    return infer(() => {
      const asked = {
        boxes: boxes && tensor(boxes, [count, 4], { device }),
        masks: masks && tensor(masks, [count, 1, this.maskSize, this.maskSize], { device }),
        points: this.#points(prompts),
      };
      // Without memory the image is told so, as SAM 2 tells its first frames.
      const features =
        conditioned === undefined
          ? this.model.condition(image, { spatial: [] })
          : (conditioned as Conditioned).features;
      const single = masks !== undefined || boxes !== undefined || prompts.points?.perObject !== 1;
      const { multimask = !single && this.model.config.multimaskOutputInSam } = options;
      const head = this.model.decodeLowRes(features, asked, { highRes: image.highRes, multimask });
      return answerOf(head, multimask ? head.ious.amax({ dim: [1], keepdim: true }) : head.ious);
    });
  }

  async adopt(embedding: EmbeddingHandle, masks: Float32Array): Promise<Decoded> {
    const { image } = embedding as Embedding;
    const { imageSize, device } = this;
    return infer(() => {
      const given = tensor(masks, [masks.length / imageSize ** 2, 1, imageSize, imageSize], { device });
      const head = this.model.maskAsOutput(image.features, given, image.highRes);
      return answerOf(head, head.ious);
    });
  }

  async remember(
    embedding: EmbeddingHandle,
    decoded: DecodedHandle,
    { logits, fromPoints = false, separately = false }: RememberOptions = {},
  ): Promise<MemoryHandle> {
    const { image } = embedding as Embedding;
    const { masks, objectScores, pointer } = decoded as DecodedState;
    const { memoryDtype } = this.options;
    return infer(() => {
      const low = logits === undefined ? masks : tensor(logits, masks.shape, { device: this.device });
      const large = this.model.enlarge(low);
      const encode = (from: number, count: number) =>
        this.model.encodeMemory(image, large.narrow(0, from, count), objectScores.narrow(0, from, count), {
          fromPoints,
        });
      const objects = large.shape[0]!;
      const oneByOne = separately && objects > 1 && this.model.config.nonOverlapMasksForMemEnc;
      const features = oneByOne
        ? F.cat(Array.from({ length: objects }, (_, object) => encode(object, 1)))
        : encode(0, objects);
      return new Memory(memoryDtype === undefined ? features : features.to({ dtype: memoryDtype }), pointer.clone());
    });
  }

  async attend(embedding: EmbeddingHandle, references: readonly ObjectMemories[]): Promise<ConditionedHandle> {
    const { image } = embedding as Embedding;
    const { dtype } = image.features;
    return infer(
      () =>
        new Conditioned(
          this.model.condition(
            image,
            references.map((memories) => memorySet(memories, dtype)),
          ),
        ),
    );
  }

  room(): RefinerRoom | undefined {
    const free = freeMemory(this.device);
    return free === undefined ? undefined : roomIn(Math.min(free, this.options.memory ?? free), this.model.config);
  }

  release(...handles: readonly AnyHandle[]): void {
    releaseAll(handles);
  }

  /** Clicks as tensors; objects that are asked for by nothing get a click that is none. */
  #points({ count, boxes, masks, points }: ObjectPrompts): Points | undefined {
    const { device } = this;
    if (points !== undefined) {
      return {
        coords: tensor(points.coords, [count, points.perObject, 2], { device }),
        labels: tensor(points.labels, [count, points.perObject], { device }),
      };
    }
    if (boxes !== undefined || masks !== undefined) return undefined;
    return {
      coords: tensor(new Float32Array(2 * count), [count, 1, 2], { device }),
      labels: tensor(new Int32Array(count).fill(pointLabel.padding), [count, 1], { device }),
    };
  }
}

function answerOf({ objectScores, lowResMasks, pointer }: Omit<HeadOutput, "highResMasks">, ious: Tensor): Decoded {
  return {
    objectScores: objectScores.toFloat32Array(),
    ious: ious.toFloat32Array(),
    logits: lowResMasks.toFloat32Array(),
    state: new DecodedState(lowResMasks, objectScores, pointer),
  };
}

/** One object's references as the model takes them: distances of pointers count from the memory to here. */
function memorySet({ spatial, pointers, farthestPointer }: ObjectMemories, dtype: Dtype): MemorySet {
  return {
    spatial: spatial.map(({ memory, row, position }) => ({
      features: (memory as Memory).features.narrow(0, row, 1).to({ dtype }),
      distance: position,
    })),
    pointers: pointers.map(({ of, row, offset }) => ({
      pointer: (of as Memory | DecodedState).pointer.narrow(0, row, 1),
      distance: -offset,
    })),
    farthestPointer,
  };
}
