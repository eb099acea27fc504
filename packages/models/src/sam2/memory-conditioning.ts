/**
 * From memories to tokens and through memory attention.
 *
 *   spatial memory ─► tokens ─ + place (sine) + time (learned, one vector per distance) ─┐
 *   object pointer ─► split into tokens as wide as memories ─ + time (sine, projected) ──┴─► memory attention ─► features
 */
import { ConfigError } from "@rfmedsam/base";
import { F, type nn, type Tensor, tensor, zeros } from "@rfmedsam/torch";
import { fromTokens, toTokens } from "../layout.js";
import type { Sam2Config } from "./config.js";
import type { MemoryAttention, MemoryTokens } from "./memory-attention.js";
import type { MemoryEncoder } from "./memory-encoder.js";
import type { ImageEmbedding, MemorySet, ObjectPointer, SpatialMemory } from "./memory-set.js";
import { type Grid, sineOfDistances } from "./position.js";

/** The parts of the model this step uses. */
export interface ConditioningParts {
  readonly config: Sam2Config;
  readonly memoryAttention: MemoryAttention;
  readonly memoryEncoder: MemoryEncoder;
  readonly maskmemTposEnc: Tensor;
  readonly noMemEmbed: Tensor;
  readonly noMemPosEnc: Tensor;
  readonly objPtrTposProj: nn.Linear | undefined;
}

export class MemoryConditioning {
  constructor(private readonly parts: ConditioningParts) {}

  /** @see Sam2Base.condition */
  forward(embedding: ImageEmbedding, memories: MemorySet | readonly MemorySet[]): Tensor {
    if (this.parts.config.numMaskmem === 0) return embedding.features.alias();
    return isList(memories)
      ? this.#objectByObject(embedding, memories)
      : this.#together(embedding.features, embedding.position, this.#tokens(memories, embedding.features));
  }

  /** Objects whose sets give equally many tokens go through attention together. */
  #objectByObject({ features, position }: ImageEmbedding, sets: readonly MemorySet[]): Tensor {
    const objects = sets.length;
    if (objects === 0 || (features.shape[0] !== 1 && features.shape[0] !== objects)) {
      throw new ConfigError({
        found: `${objects} sets of memories for an embedding of batch ${features.shape[0]}`,
        expected: "one set per object of the batch",
      });
    }
    const groups = new Map<string, number[]>();
    for (const [object, set] of sets.entries()) {
      const layout = layoutOf(set);
      groups.set(layout, [...(groups.get(layout) ?? []), object]);
    }
    const order = [...groups.values()].flat();
    const outputs = [...groups.values()].map((members) => {
      const own = features.shape[0] === 1 ? features : features.indexSelect(0, indices(members, features));
      const output = this.#together(
        own,
        position,
        joined(members.map((object) => this.#tokens(sets[object]!, features))),
      );
      return output.shape[0] === members.length ? output : output.expand([members.length, ...output.shape.slice(1)]);
    });
    const inverse = order.map((_, object) => order.indexOf(object));
    const all = F.cat(outputs);
    return groups.size === 1 ? all : all.indexSelect(0, indices(inverse, features));
  }

  #together(features: Tensor, position: Tensor, memory: MemoryTokens | undefined): Tensor {
    const { config, noMemEmbed, memoryAttention } = this.parts;
    const [batch, channels, ...rest] = features.shape as [number, number, number, number];
    const grid = rest as unknown as Grid;
    if (memory === undefined && config.directlyAddNoMemEmbed)
      return features.add(noMemEmbed.reshape([1, channels, 1, 1]));
    const seen = memory ?? this.#nothing(batch);
    const objects = Math.max(batch, seen.values.shape[0]!);
    const tokens = toTokens(features).expand([objects, grid[0] * grid[1], channels]);
    return fromTokens(memoryAttention.forward(tokens, toTokens(position), seen, grid), grid);
  }

  /** A token that stands for "no memory". */
  #nothing(batch: number): MemoryTokens {
    const { noMemEmbed, noMemPosEnc } = this.parts;
    return { values: noMemEmbed.expand([batch, 1, noMemEmbed.shape[2]!]), positions: noMemPosEnc, pointerTokens: 1 };
  }

  /** Undefined for an empty set. Memories kept on another device are brought to the image's. */
  #tokens({ spatial, pointers = [], farthestPointer }: MemorySet, image: Tensor): MemoryTokens | undefined {
    const { config } = this.parts;
    const { device } = image;
    if (spatial.length + pointers.length === 0) return undefined;
    const here = spatial.map(({ features, distance }) => ({ features: features.to({ device }), distance }));
    const values = here.map(({ features }) => toTokens(features));
    const positions = here.map((memory) => this.#placeAndTime(memory));
    let pointerTokens = 0;
    if (pointers.length > 0) {
      const stacked = F.stack(
        pointers.map(({ pointer }) => pointer.to({ device })),
        { dim: 1 },
      );
      const [batch, count, width] = stacked.shape as [number, number, number];
      const perPointer = width / config.memoryEncoder.outDim;
      pointerTokens = count * perPointer;
      values.push(stacked.reshape([batch, pointerTokens, config.memoryEncoder.outDim]));
      const times = this.#times(pointers, farthestPointer ?? config.maxObjPtrsInEncoder - 1, stacked);
      positions.push(times.repeatInterleave(perPointer, { dim: 0 }).unsqueeze(0));
    }
    return { values: F.cat(values, { dim: 1 }), positions: F.cat(positions, { dim: 1 }), pointerTokens };
  }

  /** Where every token of a spatial memory is, and when: `[1, h·w, memory width]`. */
  #placeAndTime({ features, distance }: SpatialMemory): Tensor {
    const { maskmemTposEnc, memoryEncoder, config } = this.parts;
    const last = config.numMaskmem - 1;
    if (!Number.isInteger(distance) || distance < 0 || distance > last) {
      throw new ConfigError({
        found: `a memory at distance ${distance}`,
        expected: `0 for a conditioning frame, or a whole number from 1 to ${last}`,
        hint: "leave memories further away out, or count them as the farthest",
      });
    }
    const place = toTokens(memoryEncoder.position.forward(features));
    return place.add(maskmemTposEnc.select(0, distance === 0 ? last : distance - 1));
  }

  /** When each pointer is from: `[P, memory width]`. */
  #times(pointers: readonly ObjectPointer[], farthest: number, like: Tensor): Tensor {
    const { config, objPtrTposProj } = this.parts;
    const width = config.memoryEncoder.outDim;
    if (!config.addTposEncToObjPtrs) return zeros([pointers.length, width], { dtype: like.dtype, device: like.device });
    const relative = pointers.map(({ distance }) => distance / Math.max(1, farthest));
    const channels = objPtrTposProj === undefined ? width : config.imageEncoder.neck.dModel;
    const encoded = sineOfDistances(relative, channels, like);
    return objPtrTposProj === undefined ? encoded : objPtrTposProj.forward(encoded);
  }
}

function isList(memories: MemorySet | readonly MemorySet[]): memories is readonly MemorySet[] {
  return Array.isArray(memories);
}

function layoutOf({ spatial, pointers = [] }: MemorySet): string {
  return `${spatial.length} ${pointers.length}`;
}

/** Tokens of several objects as one batch; all undefined, or all with the same number of tokens. */
function joined(tokens: readonly (MemoryTokens | undefined)[]): MemoryTokens | undefined {
  const present = tokens.filter((one) => one !== undefined);
  const [first] = present;
  if (first === undefined) return undefined;
  return {
    values: F.cat(present.map(({ values }) => values)),
    positions: F.cat(present.map(({ positions }) => positions)),
    pointerTokens: first.pointerTokens,
  };
}

function indices(values: readonly number[], like: Tensor): Tensor {
  return tensor([...values], [values.length], { dtype: "int64" }).to({ device: like.device });
}
