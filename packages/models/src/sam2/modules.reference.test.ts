import { selectNearest } from "@rfmedsam/segmenter";
import { arange, F, type Tensor } from "@rfmedsam/torch";
import { expect, test } from "vitest";
import { promptEncoderResults } from "../testing/prompt-encoder-reference.js";
import { type JsonObject, ReferenceCase } from "../testing/reference.js";
import { miniFolder, miniModel, quietly } from "../testing/sam2-reference.js";
import { type MaskPredictions, maskStability } from "./mask-decoder.js";
import { boxesOf, withoutOverlap } from "./masks.js";
import { SinePosition, sineOfDistances } from "./position.js";
import type { HeadOutput, Sam2Base } from "./sam2-base.js";

const read = (name: string) => ReferenceCase.read(miniFolder, name);

/** Trunk blocks one after the other, as the trunk's `forward` runs them. */
function trunkOutputs({ imageEncoder }: Sam2Base, image: Tensor): [string, Tensor][] {
  const { trunk } = imageEncoder;
  const patches = trunk.patchEmbed.forward(image);
  const positions = trunk.positions([patches.shape[1]!, patches.shape[2]!]);
  const outputs: [string, Tensor][] = [
    ["patch_embed", patches],
    ["pos_embed", positions],
  ];
  let x = patches.add(positions);
  for (const [index, block] of [...trunk.blocks].entries()) {
    x = block.forward(x);
    outputs.push([`block.${index}`, x]);
  }
  return outputs;
}

test("the image encoder gives the reference's blocks, stages, levels and encodings", async () => {
  const reference = await read("image_encoder");
  const model = await miniModel();
  quietly(() => {
    const both = reference.input("image");
    const first = both.narrow(0, 0, 1);
    const results = new Map(trunkOutputs(model, first));
    const stages = model.imageEncoder.trunk.forward(first);
    for (const [index, stage] of stages.entries()) results.set(`stage.${index}`, stage);
    const levels = model.imageEncoder.neck.forward(model.imageEncoder.trunk.forward(both));
    for (const [index, level] of levels.entries()) {
      // some levels are stored for the first image only
      results.set(`fpn.${index}`, level.narrow(0, 0, reference.outputs.get(`fpn.${index}`)!.shape[0]!));
      results.set(`fpn_pos.${index}`, model.imageEncoder.position.forward(level));
    }
    const embedding = model.encodeImage(both);
    results.set("vision_features", embedding.features);
    for (const [index, features] of (embedding.highRes ?? []).entries()) results.set(`high_res.${index}`, features);
    reference.expectAll(results);
  });
});

test("the prompt encoder gives the reference's sparse and dense embeddings", async () => {
  const reference = await read("prompt_encoder");
  const model = await miniModel();
  quietly(() => {
    reference.expectAll(promptEncoderResults(model.samPromptEncoder, reference));
  });
});

test("the two-way transformer gives the reference's tokens and image", async () => {
  const reference = await read("two_way_transformer");
  const model = await miniModel();
  quietly(() => {
    const { tokens, image } = model.samMaskDecoder.transformer.forward(
      reference.input("image_embedding"),
      reference.input("image_pe"),
      reference.input("point_embedding"),
    );
    reference.expectAll(
      new Map([
        ["queries", tokens],
        ["keys", image],
      ]),
    );
  });
});

test("the mask decoder gives the reference's masks in every variant", async () => {
  const reference = await read("mask_decoder");
  const model = await miniModel();
  const stability = reference.facts.stability as { delta: number; thresh: number };
  const changed = (changes: JsonObject) => ({ ...model.config.maskDecoder, ...changes }) as unknown as JsonObject;
  const dynamic = await miniModel({
    maskDecoder: changed({
      dynamicMultimaskViaStability: true,
      dynamicMultimaskStabilityDelta: stability.delta,
      dynamicMultimaskStabilityThresh: stability.thresh,
    }),
  });
  const plain = await miniModel({ maskDecoder: changed({ dynamicMultimaskViaStability: false }) });
  const withoutHighRes = await miniModel({ useHighResFeaturesInSam: false });
  const withoutScore = await miniModel({ predObjScores: false, fixedNoObjPtr: false });
  quietly(() => {
    const image = reference.input("image_embeddings");
    const input = {
      image,
      imagePosition: reference.input("image_pe"),
      sparse: reference.input("sparse"),
      dense: reference.input("dense"),
      highRes: [reference.input("feat_s0"), reference.input("feat_s1")] as const,
    };
    const results = new Map<string, Tensor>();
    const store = (name: string, { masks, ious, tokens, objectScores }: MaskPredictions) =>
      results
        .set(`${name}.masks`, masks)
        .set(`${name}.ious`, ious)
        .set(`${name}.tokens`, tokens)
        .set(`${name}.score`, objectScores);
    const all = model.samMaskDecoder.predictAll(input);
    store("raw", all);
    results.set("raw.stability", maskStability(all.masks.narrow(1, 0, 1), stability.delta));
    store("multimask", model.samMaskDecoder.forward(input, { multimask: true }));
    store("single_dynamic", dynamic.samMaskDecoder.forward(input, { multimask: false }));
    store("single_plain", plain.samMaskDecoder.forward(input, { multimask: false }));
    store("no_high_res", withoutHighRes.samMaskDecoder.forward({ ...input, highRes: undefined }, { multimask: true }));
    const [first, ...highRes] = [image, ...input.highRes].map((features) => features.narrow(0, 0, 1));
    const one = { ...input, image: first!, highRes: highRes as [Tensor, Tensor] };
    store("repeat_image", model.samMaskDecoder.forward(one, { multimask: true }));
    store("no_obj_score", withoutScore.samMaskDecoder.forward(input, { multimask: true }));
    reference.expectAll(results);
  });
});

test("the heads give the reference's masks, pointers and scores for every kind of prompt", async () => {
  const reference = await read("sam_heads");
  const model = await miniModel();
  const lastBias = [...model.stateDict().keys()].findLast((name) => /pred_obj_score_head\..*bias$/.test(name))!;
  const bias = { [lastBias]: reference.input("score_bias").toNumbers() };
  const absent = await miniModel({}, bias);
  const absentSoft = await miniModel({ softNoObjPtr: true }, bias);
  const absentNotFixed = await miniModel({ fixedNoObjPtr: false }, bias);
  quietly(() => {
    const features = reference.input("pix_feat");
    const highRes = [reference.input("feat_s0"), reference.input("feat_s1")] as const;
    const points = { coords: reference.input("coords"), labels: reference.input("labels") };
    const multi = { highRes, multimask: true };
    const single = { highRes, multimask: false };
    const variants: Record<string, HeadOutput> = {
      points_multi: model.decode(features, { points }, multi),
      points_single: model.decode(features, { points }, single),
      full_mask: model.decode(features, { masks: reference.input("mask") }, single),
      mask_logits_points: model.decode(features, { points, masks: reference.input("mask_logits") }, single),
      none: model.decode(features, {}, multi),
      mask_as_output: model.maskAsOutput(features, reference.input("mask"), highRes),
      absent: absent.decode(features, { points }, multi),
      absent_soft: absentSoft.decode(features, { points }, multi),
      absent_not_fixed: absentNotFixed.decode(features, { points }, multi),
    };
    const results = new Map<string, Tensor>();
    for (const [name, head] of Object.entries(variants)) {
      results
        .set(`${name}.low_multi`, head.lowResMultimasks)
        .set(`${name}.high_multi`, model.enlarge(head.lowResMultimasks))
        .set(`${name}.ious`, head.ious)
        .set(`${name}.low`, head.lowResMasks)
        .set(`${name}.high`, head.highResMasks)
        .set(`${name}.ptr`, head.pointer)
        .set(`${name}.score`, head.objectScores);
    }
    reference.expectAll(results);
  });
});

test("the memory encoder gives the reference's memories", async () => {
  const reference = await read("memory_encoder");
  const model = await miniModel();
  const binarising = await miniModel({ binarizeMaskFromPtsForMemEnc: true });
  const separating = await miniModel({ nonOverlapMasksForMemEnc: true });
  quietly(() => {
    const [features, masks, score] = [
      reference.input("pix_feat"),
      reference.input("mask_logits"),
      reference.input("score"),
    ];
    const { sigmoidScaleForMemEnc: scale, sigmoidBiasForMemEnc: bias } = model.config;
    const scaled = masks.sigmoid().mul(scale).add(bias);
    const skipped = model.memoryEncoder.forward(features, scaled, { skipSigmoid: true });
    reference.expectAll(
      new Map([
        ["downsampled", model.memoryEncoder.maskDownsampler.forward(scaled)],
        ["fuser", model.memoryEncoder.fuser.forward(features)],
        ["skip.features", skipped],
        ["sig.features", model.memoryEncoder.forward(features, masks)],
        ["pos", model.memoryEncoder.position.forward(skipped)],
        ["new_memory.features", model.encodeMemory({ features }, masks, score)],
        ["new_memory_binarized.features", binarising.encodeMemory({ features }, masks, score, { fromPoints: true })],
        ["new_memory_nonoverlap.features", separating.encodeMemory({ features }, masks, score)],
      ]),
    );
  });
});

test("memory attention gives the reference's features for every length of memory", async () => {
  const reference = await read("memory_attention");
  const model = await miniModel();
  quietly(() => {
    const cells = reference.facts.hw as number;
    const perPointer = reference.facts.tokens_per_pointer as number;
    const variants = reference.facts.variants as [number, number][];
    const side = Math.sqrt(cells);
    const grid = [side, side] as const;
    const [tokens, position, memory, memoryPosition] = ["curr", "curr_pos", "memory", "memory_pos"].map((name) =>
      reference.input(name).transpose(0, 1),
    ) as [Tensor, Tensor, Tensor, Tensor];
    const pointersFrom = Math.max(...variants.map(([frames]) => frames)) * cells;
    const results = new Map<string, Tensor>();
    for (const [frames, pointers] of variants) {
      const pointerTokens = pointers * perPointer;
      const rows = [arange(0, frames * cells), arange(pointersFrom, pointersFrom + pointerTokens)];
      const index = F.cat(rows).to({ dtype: "int64" });
      const take = (x: Tensor) => x.indexSelect(1, index);
      const output = model.memoryAttention.forward(
        tokens,
        position,
        { values: take(memory), positions: take(memoryPosition), pointerTokens },
        grid,
      );
      results.set(`f${frames}p${pointers}`, output.transpose(0, 1));
    }
    const { rotary } = model.memoryAttention.layers.at(0).selfAttn;
    const [cos, sin] = rotary.table(grid, tokens).viewAsReal().unbind({ dim: -1 }) as [Tensor, Tensor];
    results.set("rope.cis_real", cos).set("rope.cis_imag", sin);
    results.set("rope.q_out", rotary.rotate(reference.input("rope.q"), grid));
    results.set("rope.k_out", rotary.rotate(reference.input("rope.k"), grid));
    reference.expectAll(results);
  });
});

test("the small functions give the reference's numbers", async () => {
  const reference = await read("small_functions");
  quietly(() => {
    const results = new Map<string, Tensor>();
    const like = reference.input("masks");
    const settings = { temperature: 10000, normalize: true, scale: null };
    for (const [name, { shape }] of reference.outputs) {
      const [kind] = name.split(".");
      if (kind === "sine2d") {
        const [channels, ...grid] = shape as [number, number, number];
        results.set(name, new SinePosition(channels, settings).forward(like, grid).select(0, 0));
      }
      if (kind === "sine1d") results.set(name, sineOfDistances(reference.input("pos1d").toNumbers(), shape[1]!, like));
    }
    results.set("non_overlap", withoutOverlap(reference.input("masks")));
    results.set("boxes", boxesOf(reference.input("bool_masks")));
    reference.expectAll(results);
  });

  const selection = reference.facts.select_closest_conditioning_frames as unknown as {
    conditioning_frames_in_order: number[];
    results: { frame: number; max: number; selected_in_order: number[]; unselected_in_order: number[] }[];
  };
  for (const { frame, max, selected_in_order, unselected_in_order } of selection.results) {
    const { selected, rest } = selectNearest(selection.conditioning_frames_in_order, frame, max);
    expect({ selected, rest }, `frame ${frame}, at most ${max}`).toEqual({
      selected: selected_in_order,
      rest: unselected_in_order,
    });
  }
});
