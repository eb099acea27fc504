/** A stand-in for a network that answers prompts on pictures: instant, predictable, and it counts every handle it gives out. */
import { EngineError } from "@rfmedsam/base";
import type { EmbeddingHandle, ObjectPrompts } from "../networks.js";
import type { PictureRuleName } from "../predictors/picture.js";
import type { MaskCandidates, PromptableNetwork } from "../predictors/promptable.js";

export interface PromptableBehaviour {
  readonly imageSize?: number;
  readonly pictureRule?: PictureRuleName;
  /** Logit of a candidate's pixel; by default 1, 2, 3 … over objects and candidates. */
  readonly logit?: (object: number, candidate: number, row: number, column: number) => number;
  readonly iou?: (object: number, candidate: number) => number;
  /** Awaited before every answer: throw here to break the engine, wait to hold it up. */
  readonly before?: (call: "embed" | "candidates") => void | Promise<void>;
}

/** One request for masks, as it arrived. */
export interface CandidatesCall {
  readonly embedding: EmbeddingHandle;
  readonly prompts: ObjectPrompts;
  readonly multimask: boolean;
}

export class RecordingPromptable implements PromptableNetwork {
  readonly imageSize: number;
  readonly maskSize: number;
  readonly pictureRule: PictureRuleName;
  readonly embedded: Float32Array[] = [];
  readonly calls: CandidatesCall[] = [];
  /** Embeddings given out and not released. */
  readonly live = new Set<EmbeddingHandle>();

  constructor(readonly behaviour: PromptableBehaviour = {}) {
    this.imageSize = behaviour.imageSize ?? 32;
    this.maskSize = this.imageSize / 4;
    this.pictureRule = behaviour.pictureRule ?? "sam2";
  }

  async embed(pictures: Float32Array, count: number): Promise<readonly EmbeddingHandle[]> {
    await this.behaviour.before?.("embed");
    this.embedded.push(pictures.slice());
    return Array.from({ length: count }, () => {
      const handle = {} as EmbeddingHandle;
      this.live.add(handle);
      return handle;
    });
  }

  async candidates(
    embedding: EmbeddingHandle,
    prompts: ObjectPrompts,
    { multimask }: { readonly multimask: boolean },
  ): Promise<MaskCandidates> {
    this.#use(embedding);
    this.calls.push({ embedding, prompts, multimask });
    await this.behaviour.before?.("candidates");
    this.#use(embedding);
    const candidates = multimask ? 3 : 1;
    const { logit = (object, candidate) => object * candidates + candidate + 1, iou = () => 0.5 } = this.behaviour;
    const masks = Array.from({ length: prompts.count * candidates }, (_, n) => n);
    const side = this.maskSize;
    return {
      count: prompts.count,
      candidates,
      logits: Float32Array.from({ length: masks.length * side ** 2 }, (_, i) => {
        const [n, pixel] = [Math.floor(i / side ** 2), i % side ** 2];
        return logit(Math.floor(n / candidates), n % candidates, Math.floor(pixel / side), pixel % side);
      }),
      ious: Float32Array.from(masks, (n) => iou(Math.floor(n / candidates), n % candidates)),
    };
  }

  release(...handles: readonly EmbeddingHandle[]): void {
    for (const handle of handles) {
      this.#use(handle);
      this.live.delete(handle);
    }
  }

  #use(handle: EmbeddingHandle): void {
    if (!this.live.has(handle)) throw new EngineError({ found: "a handle that was released or never given out" });
  }
}
