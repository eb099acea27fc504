/** Embeddings that are kept change nothing but the time. */
import { buildModel, type Sam2, smallSam2Config, TorchRefiner } from "@rfmedsam/models";
import { type AnyHandle, type SliceSource, VolumePredictor } from "@rfmedsam/segmenter";
import { manualSeed, setNumThreads } from "@rfmedsam/torch";
import { afterAll, expect, test } from "vitest";
import { KeptEmbeddings } from "./kept-embeddings.js";

setNumThreads(1);
manualSeed(2);
const sam2 = buildModel({ family: "sam2", config: smallSam2Config(64) }).eval() as Sam2;
afterAll(() => sam2.free());

/** Counts what is embedded, and which handles are out. */
class CountingRefiner extends TorchRefiner {
  embedded = 0;
  readonly out = new Set<AnyHandle>();

  override async embed(slices: Float32Array, count: number) {
    this.embedded += count;
    const made = await super.embed(slices, count);
    for (const handle of made) this.out.add(handle);
    return made;
  }

  override release(...handles: readonly AnyHandle[]) {
    for (const handle of handles) this.out.delete(handle);
    super.release(...handles);
  }
}

const slices: SliceSource = {
  count: 7,
  height: 64,
  width: 64,
  render: (slice) => Float32Array.from({ length: 3 * 64 * 64 }, (_, at) => Math.sin(at * 0.01 * (slice + 1))),
};

async function followed(network: ConstructorParameters<typeof VolumePredictor>[0], source: SliceSource, slice: number) {
  using predictor = new VolumePredictor(network, source, { history: "reachable" });
  await predictor.addPoints(slice, 1, { box: [10, 12, 40, 44] });
  const found: number[][] = [];
  for (const reverse of [false, true])
    for await (const { logits } of predictor.propagate({ reverse, start: slice })) found.push(Array.from(logits));
  return found;
}

test.each([128, 3, 0])(
  "of at most %i slices: same answers, each kept slice embedded once, nothing left behind",
  async (most) => {
    const own = new CountingRefiner(sam2);
    const plain = [await followed(own, slices, 2), await followed(own, slices, 4)];
    expect(own.out.size).toBe(0);
    own.embedded = 0;
    const kept = new KeptEmbeddings(own, slices, "cpu", most);
    const { result, seconds } = await kept.timed(async () => [
      await followed(kept.network, kept.slices, 2),
      await followed(kept.network, kept.slices, 4),
    ]);
    expect(result).toEqual(plain);
    expect(seconds).toBeGreaterThan(0);
    if (most >= slices.count) expect(own.embedded).toBe(slices.count);
    expect(own.out.size).toBe(Math.min(most, slices.count));
    kept[Symbol.dispose]();
    expect(own.out.size).toBe(0);
  },
);

test("work on slices that are kept already counts the time to embed them", async () => {
  const own = new CountingRefiner(sam2);
  using kept = new KeptEmbeddings(own, slices, "cpu");
  const work = () => followed(kept.network, kept.slices, 3);
  const [first, second] = [await kept.timed(work), await kept.timed(work)];
  const bare = await kept.timed(async () => undefined);
  expect(own.embedded).toBe(slices.count);
  expect(bare.seconds).toBeLessThan(first.seconds);
  expect(second.seconds).toBeGreaterThan(0);
});
