import type { Tensor } from "@rfmedsam/torch";
import { test } from "vitest";
import { channelsFirst } from "../layout.js";
import type { MaskPredictions } from "../sam2/mask-decoder.js";
import { joinWindows, splitWindows } from "../sam2/windows.js";
import { promptEncoderResults } from "../testing/prompt-encoder-reference.js";
import { type JsonObject, ReferenceCase } from "../testing/reference.js";
import { samMiniConfig, samMiniFolder, samMiniModel } from "../testing/sam-reference.js";
import { quietly } from "../testing/sam2-reference.js";
import { fitToImageSize } from "./fit-image-size.js";
import { relativePositionBias, relativePositions } from "./relative-position.js";
import { Sam } from "./sam.js";

const read = (name: string) => ReferenceCase.read(samMiniFolder, name);

test("the image encoder gives the reference's blocks and neck, and those without its adapters", async () => {
  const reference = await read("image_encoder");
  const model = await samMiniModel();
  quietly(() => {
    const image = reference.input("image");
    const { imageEncoder: encoder } = model;
    const blocks = [...encoder.blocks];
    const patches = encoder.patchEmbed.forward(image);
    const tokens = encoder.posEmbed.add(patches);
    const results = new Map([["patch_embed", patches]]);

    const first = blocks[0]!;
    const normed = first.norm1.forward(tokens);
    const { windows, count } = splitWindows(normed, first.window);
    const attended = first.attn.forward(windows);
    const side = tokens.shape[1]!;
    const adapterInput = first.norm2.forward(tokens.add(joinWindows(attended, count, [side, side])));
    results.set("b0.norm1", normed).set("b0.windows", windows).set("b0.attn", attended);
    results.set("b0.adapter_in", adapterInput).set("b0.adapter", first.adapter!.forward(adapterInput));
    results.set("attn_global", blocks.find(({ window }) => window === 0)!.attn.forward(tokens));

    let x = tokens;
    for (const [index, block] of blocks.entries()) {
      x = block.forward(x);
      results.set(`block.${index}`, x);
    }
    let features = channelsFirst(x);
    for (const [index, layer] of encoder.neck.layers.entries()) {
      features = layer.forward(features);
      results.set(`neck.${index}`, features);
    }
    results.set("out", model.encodeImage(image));
    results.set("no_adapter", model.encodeImage(image, { adapters: false }));
    reference.expectAll(results);
  });
  model.free();
});

test("the prompt encoder gives the reference's sparse and dense embeddings", async () => {
  const reference = await read("prompt_encoder");
  const model = await samMiniModel();
  quietly(() => {
    reference.expectAll(promptEncoderResults(model.promptEncoder, reference));
  });
  model.free();
});

test("the mask decoder and its transformer give the reference's masks, IoUs and tokens", async () => {
  const reference = await read("mask_decoder");
  const model = await samMiniModel();
  quietly(() => {
    const [image, imagePosition, sparse, dense] = ["image_embeddings", "image_pe", "sparse", "dense"].map((name) =>
      reference.input(name),
    ) as [Tensor, Tensor, Tensor, Tensor];
    const results = new Map<string, Tensor>();
    const store = (name: string, { masks, ious }: MaskPredictions) =>
      results.set(`${name}.masks`, masks).set(`${name}.ious`, ious);
    const input = { image, imagePosition, sparse, dense };
    store("raw", model.maskDecoder.predictAll(input));
    store("multi", model.maskDecoder.forward(input, { multimask: true }));
    store("single", model.maskDecoder.forward(input, { multimask: false }));
    const read = model.maskDecoder.transformer.forward(image, imagePosition, sparse);
    results.set("tw.queries", read.tokens).set("tw.keys", read.image);
    reference.expectAll(results);
  });
  model.free();
});

test("the whole model gives the reference's masks at the pictures' size, and its padded input", async () => {
  const reference = await read("sam_forward");
  const model = await samMiniModel();
  quietly(() => {
    const size = reference.facts.original_size as [number, number];
    const embedding = model.encodeImage(reference.input("image"));
    const points = { coords: reference.input("coords"), labels: reference.input("labels") };
    const answers = {
      points: model.predict(embedding, { points }, { multimask: true }),
      boxes: model.predict(embedding, { boxes: reference.input("boxes") }, { multimask: false }),
    };
    const results = new Map([["preprocessed", model.preprocess(reference.input("raw").unsqueeze(0)).select(0, 0)]]);
    for (const [name, { masks, ious }] of Object.entries(answers)) {
      results.set(`${name}.low_res`, masks).set(`${name}.iou`, ious).set(`${name}.masks`, model.enlarge(masks, size));
    }
    reference.expectAll(results);
  });
  model.free();
});

test("relative positions of equal and unequal sizes are the reference's", async () => {
  const reference = await read("relative_positions");
  quietly(() => {
    const results = new Map<string, Tensor>();
    for (const [queries, keys] of reference.facts.pairs as [number, number][]) {
      results.set(`rel.${queries}_${keys}`, relativePositions(reference.input("table"), queries, keys));
    }
    const words = (reference.facts.outputs_in_words as JsonObject).attn as string;
    const grids = /q grid (\d+)x(\d+) and k grid (\d+)x(\d+)/.exec(words)!.slice(1).map(Number);
    const [height, width, high, wide] = grids as [number, number, number, number];
    const q = reference.input("q");
    const [batch, , channels] = q.shape as [number, number, number];
    const placed = q.reshape([batch, 1, height, width, channels]);
    const [rows, columns] = [reference.input("table_h"), reference.input("table_w")];
    const bias = relativePositionBias(placed, rows, columns, [high, wide]);
    results.set("attn", reference.input("attn").add(bias.select(1, 0)));
    reference.expectAll(results);
  });
});

test("weights of another image size become the reference's, the decoder's heads staying as the model has them", async () => {
  const reference = await read("load_other_image_size");
  const under = (prefix: string) =>
    new Map(
      [...reference.inputs].flatMap(([name, value]) =>
        name.startsWith(prefix) ? [[name.slice(prefix.length), value] as const] : [],
      ),
    );
  const [given, own] = [under("src."), under("have.")];
  // the blocks whose tables grow with the image are the global ones
  const blocks = [...own.keys()].flatMap((name) => /blocks\.(\d+)\.attn\.rel_pos_h$/.exec(name)?.[1] ?? []);
  const lengthIn = (state: ReadonlyMap<string, Tensor>, block: string) =>
    state.get(`image_encoder.blocks.${block}.attn.rel_pos_h`)!.shape[0];
  const globalAttnIndexes = blocks.filter((block) => lengthIn(given, block) !== lengthIn(own, block)).map(Number);
  const imageSize = reference.facts.new_image_size as number;
  const model = new Sam(samMiniConfig({ depth: blocks.length, globalAttnIndexes }, { imageSize }));
  quietly(() => {
    const partly = { mayMiss: () => true };
    model.loadStateDict(own, partly);
    model.loadStateDict(fitToImageSize(given, model, { keepDecoderHeads: true }), partly);
    const results = new Map([...model.stateDict()].map(([name, value]) => [`new.${name}`, value as Tensor]));
    reference.expectAll(results);
  });
  model.free();
});
