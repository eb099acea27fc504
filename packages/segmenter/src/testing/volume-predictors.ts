/** A volume predictor over a stand-in network. */
import {
  type PropagateOptions,
  type SliceAnswer,
  VolumePredictor,
  type VolumePredictorOptions,
} from "../predictors/volume-predictor.js";
import type { SliceSource } from "../predictors/volume-slices.js";
import { RecordingRefiner, type RefinerBehaviour, usualTracking } from "./networks.js";

export const count = 30;
const size = 16;
/** Every slice is filled with its own number, which the network's records repeat. */
const slices: SliceSource = {
  count,
  height: 8,
  width: 12,
  render: (slice) => new Float32Array(3 * size * size).fill(slice),
};

/** SAM 2.1's rules with a short reach: three spatial memories behind a slice, five pointers. */
export const shortRules = { ...usualTracking.memory, numMaskmem: 4, maxPointers: 6 };
export const shortTracking = { ...usualTracking, memory: shortRules };
/** A logit that tells slices and objects apart. */
const answer: NonNullable<RefinerBehaviour["answer"]> = (prompts, _, mark) =>
  Float32Array.from({ length: prompts.count * 16 }, (_, n) => 1 + mark + 0.5 * Math.floor(n / 16));

export function open(options: VolumePredictorOptions = {}, behaviour: RefinerBehaviour = {}) {
  const network = new RecordingRefiner({ answer, tracking: shortTracking, ...behaviour });
  const predictor = new VolumePredictor(network, slices, options);
  return { network, predictor, of: (name: string) => network.calls.filter((call) => call.name === name) };
}

export const click = { points: [[3, 4]], labels: [1] } as const;
export const box = [1, 2, 9, 7] as const;

export async function run(predictor: VolumePredictor, options: PropagateOptions = {}): Promise<SliceAnswer[]> {
  const answers: SliceAnswer[] = [];
  for await (const one of predictor.propagate(options)) answers.push(one);
  return answers;
}

export const kinds = (network: RecordingRefiner) => {
  const counts: Record<string, number> = {};
  for (const { kind } of network.live.values()) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
};
