import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { pictureSlices, type SliceAnswer, type SliceSource, VolumePredictor } from "@rfmedsam/segmenter";
import { readSafetensors, type Tensor, tensor } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { caseNames, type JsonObject, ReferenceCase } from "../testing/reference.js";
import { flags, miniFolder, miniModel, replacedWeights } from "../testing/sam2-reference.js";
import { type DecodedState, type Memory, TorchRefiner } from "./refiner.js";

/** One user action of a case. */
interface Operation {
  readonly op: string;
  readonly frame?: number;
  readonly obj_id?: number;
  readonly points?: string;
  readonly labels?: string;
  readonly box?: string;
  readonly mask?: string;
  readonly normalize_coords?: boolean;
  readonly clear_old_points?: boolean;
  readonly start_frame?: number;
  readonly max_frames?: number;
  readonly reverse?: boolean;
}

/** What an action answers with, by the names of the reference's outputs. */
class Results extends Map<string, Tensor> {
  constructor(readonly slices: SliceSource) {
    super();
  }

  integers(name: string, values: readonly number[]): void {
    this.set(name, tensor([...values], [values.length], { dtype: "int64" }));
  }

  masks(name: string, { objectIds, logits }: SliceAnswer): void {
    this.set(name, tensor(logits, [objectIds.length, 1, this.slices.height, this.slices.width]));
  }
}

type Action = (
  predictor: VolumePredictor,
  operation: Operation,
  input: (name: string) => Tensor,
  results: Results,
  at: string,
) => Promise<void>;

const pairs = (values: ArrayLike<number>) =>
  Array.from({ length: values.length / 2 }, (_, n) => [values[2 * n]!, values[2 * n + 1]!] as const);

/** The reference's calls in our terms. A call that is not among them fails the case. */
const actions: Readonly<Record<string, Action>> = {
  async add_new_points_or_box(predictor, { frame, obj_id, points, labels, box, ...how }, input, results, at) {
    const answer = await predictor.addPoints(frame!, obj_id!, {
      points: points === undefined ? undefined : pairs(input(points).toFloat32Array()),
      labels: labels === undefined ? undefined : [...input(labels).toFloat32Array()],
      box:
        box === undefined
          ? undefined
          : ([...input(box).toFloat32Array()] as unknown as [number, number, number, number]),
      clearOld: how.clear_old_points,
      normalised: how.normalize_coords === false,
    });
    results.masks(`${at}.video_res_masks`, answer);
  },
  async add_new_mask(predictor, { frame, obj_id, mask }, input, results, at) {
    results.masks(`${at}.video_res_masks`, await predictor.addMask(frame!, obj_id!, input(mask!).toFloat32Array()));
  },
  async clear_all_prompts_in_frame(predictor, { frame, obj_id }, _, results, at) {
    results.masks(`${at}.video_res_masks`, await predictor.clearPrompts(frame!, obj_id!));
  },
  async remove_object(predictor, { obj_id }, _, results, at) {
    for (const answer of await predictor.removeObject(obj_id!)) {
      results.masks(`${at}.frame${answer.slice}.video_res_masks`, answer);
    }
  },
  async reset_state(predictor) {
    await predictor.reset();
  },
  async propagate_in_video(predictor, { start_frame, max_frames, reverse }, _, results, at) {
    const order: number[] = [];
    for await (const answer of predictor.propagate({ start: start_frame, maxSlices: max_frames, reverse })) {
      order.push(answer.slice);
      results.masks(`${at}.frame${answer.slice}.video_res_masks`, answer);
    }
    results.integers(`${at}.order`, order);
  },
};

/** What is kept of every object, memories that were let go included. */
async function keepState(predictor: VolumePredictor, results: Results, at: string): Promise<void> {
  for (const [index, objectId] of predictor.objectIds.entries()) {
    const { conditioning, tracked } = predictor.timeline(objectId);
    for (const [kind, answers] of [["cond", conditioning] as const, ["tracked", tracked] as const]) {
      for (const [slice, answer] of answers) {
        const name = `${at}.state.obj${index}.${kind}.frame${slice}`;
        const { row, logits, objectScore } = answer;
        const side = Math.sqrt(logits.length);
        const { features } = (await predictor.memoryOf(answer)) as unknown as Memory;
        const { pointer } = answer.batch.decoded as unknown as DecodedState;
        results.set(`${name}.low_res_mask`, tensor(logits.slice(), [1, 1, side, side]));
        results.set(`${name}.object_score_logits`, tensor([objectScore], [1, 1]));
        results.set(`${name}.obj_ptr`, pointer.narrow(0, row, 1).clone());
        results.set(`${name}.maskmem_features`, features.narrow(0, row, 1).to({ dtype: "float32" }).clone());
      }
    }
  }
}

async function volumeOf(reference: ReferenceCase): Promise<ReadonlyMap<string, Tensor>> {
  return readSafetensors(sharedPath(miniFolder, reference.name, reference.facts.volume as string));
}

function sourceOf(volume: ReadonlyMap<string, Tensor>, imageSize: number): SliceSource {
  const frames = volume.get("frames_u8")!;
  const [count, height, width] = frames.shape as [number, number, number, number];
  const data = frames.toArray() as Uint8Array;
  const size = height * width * 3;
  const pictures = Array.from({ length: count }, (_, n) => ({
    height,
    width,
    data: data.slice(n * size, (n + 1) * size),
  }));
  return pictureSlices(pictures, imageSize);
}

async function play(reference: ReferenceCase): Promise<Results> {
  const given = reference.facts.predictor_flags as JsonObject;
  const {
    fill_hole_area = 0,
    non_overlap_masks = false,
    add_all_frames_to_correct_as_cond = false,
    ...modelFlags
  } = given;
  const changes = { ...((reference.facts.flags_changed_for_this_case ?? {}) as JsonObject), ...modelFlags };
  const model = await miniModel(flags(changes), replacedWeights(reference.facts));
  const network = new TorchRefiner(model, "cpu", roundsMemories(reference) ? { memoryDtype: "bfloat16" } : {});
  const slices = sourceOf(await volumeOf(reference), network.imageSize);
  using predictor = new VolumePredictor(network, slices, {
    fillHoleArea: fill_hole_area as number,
    nonOverlapping: non_overlap_masks as boolean,
    correctionsAsConditioning: add_all_frames_to_correct_as_cond as boolean,
  });
  const results = new Results(slices);
  for (const [n, operation] of (reference.facts.ops as unknown as Operation[]).entries()) {
    const action = actions[operation.op];
    if (action === undefined) throw new Error(`${reference.name} has an unknown action ${operation.op}`);
    await action(predictor, operation, (name) => reference.input(name), results, `op${n}`);
    results.integers(`op${n}.obj_ids`, predictor.objectIds);
    const keeps = [...reference.outputs.keys()].some((name) => name.startsWith(`op${n}.state.`));
    if (keeps) await keepState(predictor, results, `op${n}`);
  }
  model.free();
  return results;
}

function roundsMemories({ facts }: ReferenceCase): boolean {
  return facts.memory_rounding === "bfloat16";
}

/**
 * Where memories are rounded, the last bit of float32 can flip a value to its neighbour in bfloat16, and spread from there. The case says
 * so, and how to compare: memories to one such step, masks, pointers and scores to 5e-3 of their range plus 5e-3.
 */
const afterRounding = { absolute: 5e-3, relative: 5e-3 } as const;
const isMask = (output: string) => /(low_res_mask|video_res_masks|obj_ptr|object_score_logits)$/.test(output);

function acceptNeighbours(reference: ReferenceCase, results: Results): void {
  const step = (value: number) => 2 ** (Math.floor(Math.log2(Math.abs(value))) - 7);
  for (const [name, expected] of reference.outputs) {
    const actual = results.get(name);
    if (actual === undefined || !name.endsWith(".maskmem_features")) continue;
    const wanted = expected.toFloat32Array();
    const values = actual.toFloat32Array().map((value, i) => {
      const larger = Math.max(Math.abs(value), Math.abs(wanted[i]!));
      return Math.abs(value - wanted[i]!) <= step(larger) ? wanted[i]! : value;
    });
    results.set(name, tensor(values, actual.shape));
  }
}

const names = caseNames(miniFolder, "predictor_");

describe.each(names)("%s", (name) => {
  test("every action answers as the reference does, and leaves the same behind", async () => {
    const reference = await ReferenceCase.read(miniFolder, name);
    const results = await play(reference);
    if (!roundsMemories(reference)) return reference.expectAll(results);
    acceptNeighbours(reference, results);
    const { absolute, relative } = afterRounding;
    reference.expectAll(results, (output) =>
      isMask(output) ? absolute + relative * reference.range(output) : reference.tolerance(output),
    );
  });
});

test("the volume's frames become the reference's input, bit for bit", async () => {
  const reference = await ReferenceCase.read(miniFolder, names[0]!);
  const volume = await volumeOf(reference);
  const expected = volume.get("frames")!;
  const source = sourceOf(volume, expected.shape[2]!);
  const values = expected.toFloat32Array();
  const size = values.length / source.count;
  for (let slice = 0; slice < source.count; slice++) {
    const wanted = values.subarray(slice * size, (slice + 1) * size);
    expect(compareNumbers(`${miniFolder}/volume`, source.render(slice), wanted, 0), `frame ${slice}`).toBe(0);
  }
});
