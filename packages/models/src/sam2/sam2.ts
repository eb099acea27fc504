/**
 * SAM 2 (Ravi et al. 2024): segments what a prompt points at, in one image or along a sequence of slices.
 *
 *   slice ──► image encoder ──┬──► memory attention ──► mask decoder ──► masks, IoU, presence, pointer
 *                             │          ▲                   ▲                │
 *                             │    memory bank            prompts             │
 *                             └──────────▲─── memory encoder ◄────────────────┘
 *
 * A batch is a batch of objects. An image embedding has batch 1 (one slice, many objects) or as many as there are objects; memories
 * and masks have one entry per object. Everything is differentiable; whether it is training decides on dropout, on the stability rule
 * and on a few rules of memory, as in the reference.
 */
import { selectMemories } from "@rfmedsam/segmenter";
import { scope, type Tensor } from "@rfmedsam/torch";
import { type MemoryBank, selectionRules } from "./memory-bank.js";
import type { ImageEmbedding, MemorySet } from "./memory-set.js";
import type { Points } from "./prompt-encoder.js";
import { type HeadOutput, Sam2Base } from "./sam2-base.js";

/** What the user (or the step before) says about a frame. A mask is 0/1 at image size and excludes points and boxes. */
export interface FramePrompts {
  readonly points?: Points | undefined;
  /** `[B, 4]`: x0, y0, x1, y1 in pixels of the input image */
  readonly boxes?: Tensor | undefined;
  /** `[B, 1, S, S]` */
  readonly mask?: Tensor | undefined;
}

export interface TrackStep {
  readonly frame: number;
  readonly embedding: ImageEmbedding;
  readonly bank: MemoryBank;
  /** Frames of the whole sequence. */
  readonly numFrames: number;
  /** The frame is segmented from its prompts alone, without memory. */
  readonly initialConditioning: boolean;
  readonly prompts?: FramePrompts | undefined;
  /** Logits of an earlier answer for this frame `[B, 1, S/4, S/4]`, refined by new points. */
  readonly previousLogits?: Tensor | undefined;
  /** Tracking runs backwards in time. */
  readonly reverse?: boolean | undefined;
  /** Whether to make the frame's memory (default); the caller decides whether to store it. */
  readonly encodeMemory?: boolean | undefined;
}

export interface TrackedFrame extends HeadOutput {
  /** Image features with the memories mixed in `[B, C, h, w]` */
  readonly conditioned: Tensor;
  /** The frame's spatial memory `[B, memory width, h, w]`, if it was made */
  readonly memory: Tensor | undefined;
}

export class Sam2 extends Sam2Base {
  /**
   * One frame of a sequence: looks at the memories of earlier frames, segments, makes this frame's memory. Stores nothing: what shall be
   * remembered is passed to `bank.remember(frame, { features: result.memory, pointer: result.pointer }, …)`.
   */
  trackStep(step: TrackStep): TrackedFrame {
    return scope(() => {
      const { embedding, prompts = {} } = step;
      const asOutput = prompts.mask !== undefined && this.config.useMaskInputAsOutputWithoutSam;
      const conditioned = asOutput ? embedding.features.alias() : this.condition(embedding, this.#memoriesFor(step));
      const head = asOutput
        ? this.maskAsOutput(conditioned, prompts.mask!, embedding.highRes)
        : this.decode(
            conditioned,
            { points: prompts.points, boxes: prompts.boxes, masks: step.previousLogits ?? prompts.mask },
            { highRes: embedding.highRes, multimask: this.usesMultimask(prompts, step.initialConditioning) },
          );
      const remembers = (step.encodeMemory ?? true) && this.config.numMaskmem > 0;
      const fromPoints = prompts.points !== undefined || prompts.boxes !== undefined;
      return {
        ...head,
        conditioned,
        memory: remembers
          ? this.encodeMemory(embedding, head.highResMasks, head.objectScores, { fromPoints })
          : undefined,
      };
    });
  }

  /** Whether the alternatives are predicted and the best taken: for few points, and on tracked frames if so configured. */
  usesMultimask({ points, boxes }: FramePrompts, initialConditioning: boolean): boolean {
    const { multimaskOutputInSam, multimaskOutputForTracking, multimaskMinPtNum, multimaskMaxPtNum } = this.config;
    const count = (points?.labels.shape[1] ?? 0) + (boxes === undefined ? 0 : 2);
    return (
      multimaskOutputInSam &&
      (initialConditioning || multimaskOutputForTracking) &&
      count >= multimaskMinPtNum &&
      count <= multimaskMaxPtNum
    );
  }

  #memoriesFor({ frame, bank, numFrames, initialConditioning, reverse = false }: TrackStep): MemorySet {
    if (initialConditioning) return { spatial: [], pointers: [] };
    const rules = selectionRules(this.config, this.training);
    const { spatial, pointers } = selectMemories(bank, frame, rules, { numFrames, reverse });
    return {
      spatial: spatial.map(({ entry, distance }) => ({ features: entry.features, distance })),
      pointers: pointers.map(({ entry, distance }) => ({ pointer: entry.pointer, distance })),
      farthestPointer: Math.min(numFrames, rules.maxPointers) - 1,
    };
  }
}
