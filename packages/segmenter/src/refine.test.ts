import { test } from "@fast-check/vitest";
import { EngineError, InterruptedError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { planPrompts, slicePrompts } from "./prompts.js";
import { type RefineInput, type RefineOptions, refineCase } from "./refine.js";
import { renderSlice, sliceFrame } from "./slices.js";
import { preparedCase, volumeOf } from "./testing/cases.js";
import { RecordingRefiner, type RefinerBehaviour } from "./testing/networks.js";

const count = 20;
/** Every slice has its own grey value, so the refiner's records say which slice was asked. */
const prepared = preparedCase(volumeOf([count, 4, 4], (z) => z / count));
const frame = sliceFrame(prepared.shape, prepared.spacing, "axial", 16);
const sliceOf = (mark: number) => Math.round((mark * 0.224 + 0.456) * count);

/** Class 1 on slices 2 … 12, class 2 on 10, 11 and 19. */
function labels(slice: number): Uint8Array {
  const out = new Uint8Array(16);
  if (slice >= 2 && slice <= 12) out.fill(1, 0, 6);
  if ([10, 11, 19].includes(slice)) out.fill(2, 10, 15);
  return out;
}

function input(): RefineInput {
  const probabilities = (slice: number) => {
    const truth = labels(slice);
    return Float32Array.from({ length: 48 }, (_, n) => (truth[n % 16] === Math.floor(n / 16) ? 1 : 0));
  };
  const plan = planPrompts(labels, frame, 3, { minimumArea: 1, marginSlices: 0 });
  return {
    frame,
    slices: plan.flatMap((objects, slice) => (objects.length > 0 ? [slice] : [])),
    render: (slice, out, offset) => renderSlice(prepared, frame, slice, { colours: "repeat" }, out, offset),
    prompts: (slice) => slicePrompts(plan, slice, probabilities, frame, 3, 4, { kind: "maskAndBox", boxMargin: 0 }),
  };
}

const options: RefineOptions = {
  prompt: { kind: "maskAndBox", boxMargin: 0 },
  memory: { confident: 1, neighbours: 6 },
};

const run = async (behaviour: RefinerBehaviour = {}, changes: Partial<RefineOptions> = {}) => {
  const network = new RecordingRefiner(behaviour);
  const result = await refineCase(network, input(), { ...options, ...changes });
  return { network, result, of: (name: string) => network.calls.filter((call) => call.name === name) };
};

describe("refineCase", () => {
  test("embeds every slice once for all classes and both stages", async () => {
    const { network, result, of } = await run({}, { embedBatch: 4 });
    const embedded = of("embed").flatMap(({ marks }) => marks!.map(sliceOf));
    expect(embedded).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 19]);
    expect(of("embed").length).toBe(3);
    expect(of("decode").length).toBe(24);
    expect([...result.stage1.slices.keys()]).toEqual(embedded);
    expect([...result.stage2!.slices.keys()]).toEqual(embedded.reverse());
    expect(network.live.size).toBe(0);
  });

  test("keeps no more embeddings than allowed, and finds the last ones again", async () => {
    const { network, of } = await run({}, { maxEmbeddings: 3, embedBatch: 2 });
    expect(network.mostEmbeddings).toBe(3);
    expect(of("embed").flatMap(({ marks }) => marks!).length).toBeLessThan(24);
    expect(network.live.size).toBe(0);
  });

  test("stage 2 looks at the nearest slices of the same class and at the most confident one", async () => {
    const { of } = await run({ iou: (mark) => (sliceOf(mark) === 3 ? 0.95 : 0.8) });
    const attend = of("attend").find(({ mark }) => sliceOf(mark!) === 11)!;
    const seen = attend.references!.map(({ spatial, pointers, farthestPointer }) => {
      expect(farthestPointer).toBeUndefined();
      expect(pointers.map(({ mark, row }) => [mark, row])).toEqual(spatial.map(({ mark, row }) => [mark, row]));
      return spatial.map(({ mark, row, position }, n) => [sliceOf(mark), row, position, pointers[n]!.offset]);
    });
    expect(seen).toEqual([
      [
        [3, 0, 0, -8],
        [10, 0, 1, -1],
        [12, 0, 1, 1],
        [9, 0, 2, -2],
        [8, 0, 3, -3],
        [7, 0, 4, -4],
        [6, 0, 5, -5],
      ],
      [[10, 1, 0, -1], ...new Array(6).fill([10, 1, 0, -1])],
    ]);
  });

  test("a class that stage 1 finds absent is not the confident one", async () => {
    const { of } = await run({ objectScore: (mark) => (sliceOf(mark) === 10 ? -9 : 5) });
    const attend = of("attend").find(({ mark }) => sliceOf(mark!) === 11)!;
    expect(attend.references![1]!.spatial.map(({ mark, position }) => [sliceOf(mark), position]).slice(0, 2)).toEqual([
      [19, 0],
      [10, 1],
    ]);
  });

  test("stage 2 is asked with stage 1's logits, clamped, and their boxes", async () => {
    const answer = new Float32Array(16).fill(-50);
    answer[5] = 30;
    const { of } = await run({
      answer: ({ count: n }, conditioned) => {
        const logits = new Float32Array(16 * n).fill(-1);
        if (!conditioned) logits.set(answer);
        return logits;
      },
    });
    const decode = of("decode").filter((call) => call.conditioned && sliceOf(call.mark!) === 10)[0]!;
    expect([...decode.prompts!.boxes!.subarray(0, 4)]).toEqual([4, 4, 7, 7]);
    expect([decode.prompts!.masks![5], decode.prompts!.masks![0]]).toEqual([10, -10]);
    // Class 2 was answered with nothing: it is asked with the box of before.
    expect([...decode.prompts!.boxes!.subarray(4)]).toEqual([0, 8, 15, 15]);
  });

  test("stage 1 alone remembers nothing", async () => {
    const { network, result, of } = await run({}, { through: 1 });
    expect(result.stage2).toBeUndefined();
    expect(of("remember").length + of("attend").length).toBe(0);
    expect(network.mostEmbeddings).toBe(1);
    expect(network.live.size).toBe(0);
  });

  test("reports both stages", async () => {
    const stages: string[] = [];
    const finished: number[] = [];
    await run(
      {},
      { progress: ({ stage, done, total }) => done === total && stages.push(stage), finished: (n) => finished.push(n) },
    );
    expect(stages).toEqual(["stage 1: refining slices", "stage 2: refining slices with memory"]);
    expect(finished).toEqual([1, 2]);
  });
});

describe("memories that are not kept", () => {
  const seen = (calls: RecordingRefiner["calls"]) => calls.filter(({ name }) => name === "attend");
  /** Each slice answers with its own logits, so that a wrong memory or prompt would show. */
  const behaviour: RefinerBehaviour = {
    answer: ({ masks }, conditioned, mark) => masks!.map((value) => value * (conditioned ? 0.5 : 1) + mark),
    iou: (mark, row) => 0.5 + 0.1 * Math.sin(5 * mark + row),
  };

  test.each([0, 1, 2, 5, 7, 12])(
    "are made again: with room for %i the result is that of keeping all",
    async (maxMemories) => {
      const all = await run(behaviour, { maxMemories: 1000 });
      const few = await run(behaviour, { maxMemories });
      expect(few.result).toEqual(all.result);
      expect(seen(few.network.calls)).toEqual(seen(all.network.calls));
      expect(few.network.live.size).toBe(0);
      expect(all.of("remember").length).toBe(12);
    },
  );

  test("also with room for one embedding", async () => {
    const all = await run(behaviour);
    const few = await run(behaviour, { maxMemories: 1, maxEmbeddings: 1, embedBatch: 3 });
    expect(few.result).toEqual(all.result);
    expect(few.network.mostEmbeddings).toBe(1);
  });

  test("are made at most once more, and none without need", async () => {
    const { of } = await run(behaviour, { maxMemories: 7 });
    // Seven slices around, and a confident one for each class: nothing that is needed twice has to go.
    expect(of("remember").length).toBeLessThanOrEqual(24);
    const { of: whole } = await run({}, { memory: { confident: 0, neighbours: 0 }, maxMemories: 1000 });
    expect(whole("attend").length).toBe(12);
  });

  test("what the engine holds does not grow with the number of slices", async () => {
    const held = async (slices: number) => {
      const long = preparedCase(volumeOf([slices, 4, 4], (z) => z / slices));
      const lengthwise = sliceFrame(long.shape, long.spacing, "axial", 16);
      const everywhere = () => new Uint8Array(16).fill(1, 0, 6).fill(2, 8, 12);
      const plan = planPrompts(everywhere, lengthwise, 3, { minimumArea: 1, marginSlices: 0 });
      const probabilities = () =>
        Float32Array.from({ length: 48 }, (_, n) => (everywhere()[n % 16] === Math.floor(n / 16) ? 1 : 0));
      const network = new RecordingRefiner(behaviour);
      const prompt = { kind: "maskAndBox", boxMargin: 0 } as const;
      await refineCase(
        network,
        {
          frame: lengthwise,
          slices: Array.from({ length: slices }, (_, slice) => slice),
          render: (slice, out, offset) => renderSlice(long, lengthwise, slice, { colours: "repeat" }, out, offset),
          prompts: (slice) => slicePrompts(plan, slice, probabilities, lengthwise, 3, 4, prompt),
        },
        { ...options, maxEmbeddings: 8, maxMemories: 8 },
      );
      expect(network.live.size).toBe(0);
      return network.mostHandles;
    };
    const short = await held(30);
    expect(await held(60)).toBe(short);
    // Embeddings and memories within the window (6 slices on both sides), one confident slice for each class, an answer, its condition.
    expect(short).toBeLessThanOrEqual(8 + 15 + 2);
  });
});

describe("components of a class", () => {
  test("each attends to the one that lies where it does, on every slice", async () => {
    const network = new RecordingRefiner({
      answer: ({ count: n, boxes }) => Float32Array.from({ length: 16 * n }, (_, i) => boxes![4 * Math.floor(i / 16)]!),
    });
    /** Left and right, in the other order on odd slices. */
    const boxes = (slice: number) =>
      Float32Array.of(...(slice % 2 ? [8, 0, 15, 7, 0, 0, 7, 7] : [0, 0, 7, 7, 8, 0, 15, 7]));
    const asked = (slice: number) => ({
      slice,
      classes: [1, 1],
      prompts: { count: 2, boxes: boxes(slice) },
      boxes: boxes(slice),
    });
    const three = { ...input(), slices: [2, 3, 4], prompts: asked };
    await refineCase(network, three, { ...options, prompt: { kind: "box", boxMargin: 0 } });
    const attend = network.calls.find(({ name, mark }) => name === "attend" && sliceOf(mark!) === 3)!;
    const rows = attend.references!.map(({ spatial }) => spatial.map(({ mark, row }) => [sliceOf(mark), row]));
    expect(rows).toEqual([
      [
        [2, 1],
        [4, 1],
      ],
      [
        [2, 0],
        [4, 0],
      ],
    ]);
  });
});

describe("every handle is released", () => {
  test("when the engine fails, at whichever call", async () => {
    const calls = (await run()).network.calls.length;
    for (let at = 0; at < calls; at++) {
      const network = new RecordingRefiner({
        before: (call) => {
          if (call === at) throw new EngineError({ found: "out of memory" });
        },
      });
      await expect(refineCase(network, input(), options)).rejects.toThrow("out of memory");
      expect(network.live.size, `call ${at}`).toBe(0);
    }
  });

  test("when the user stops, in either stage", async () => {
    for (const stopAt of [0, 1, 5, 12, 13, 20]) {
      const signal = { aborted: stopAt === 0 };
      const network = new RecordingRefiner();
      let steps = 0;
      const stopped = refineCase(network, input(), {
        ...options,
        signal,
        progress: () => {
          signal.aborted = ++steps === stopAt;
        },
      });
      await expect(stopped).rejects.toThrow(InterruptedError);
      expect(steps).toBe(stopAt);
      expect(network.live.size).toBe(0);
    }
  });
});
