/**
 * SAM-Med2D's evaluation with clicks: one click first, then more and more where the answer is wrong.
 *
 *   click 1 ──► network ──► best candidate ──► wrong pixels ──► click 2
 *                  ▲                │                              │
 *                  └── its sigmoid ─┴── as mask input ◄── all clicks so far
 *
 * Every round asks for the alternatives and keeps the mask of highest predicted IoU. The mask input is the sigmoid of the kept low-resolution
 * logits: the reference's choice, in training too. Works with any network that answers prompts; who clicks is the caller's.
 */
import { ConfigError, EngineError, GeometryError, Random } from "@rfmedsam/base";
import {
  type EmbeddingHandle,
  type MaskCandidates,
  type ObjectPrompts,
  type PromptableNetwork,
  resizeBilinear,
} from "@rfmedsam/segmenter";
import { type BinaryMask, correctivePoints, type DrawnPoints, initialPoints } from "./prompt-simulation.js";
import { type PromptedScores, promptedScores, sigmoid } from "./scores.js";

/** What is known when the clicks of a round are drawn. */
export interface ClickOccasion {
  readonly object: number;
  /** 0 is the first. */
  readonly round: number;
  readonly truth: BinaryMask;
  /** The answer of the round before; nothing in the first. */
  readonly prediction: BinaryMask | undefined;
}

/** Draws one object's clicks of one round; in one round as many for every object. */
export type DrawClicks = (occasion: ClickOccasion) => DrawnPoints;

/**
 * The reference's clicks: one inside the object, then one a round on a wrong pixel.
 *
 * @param stream names of the random stream (seed, picture …); every object and round has its own, whatever happens in the others
 */
export function simulatedClicks(...stream: readonly number[]): DrawClicks {
  return ({ object, round, truth, prediction }) => {
    const random = new Random(...stream, object, round);
    return prediction === undefined ? initialPoints(truth, 1, random) : correctivePoints(prediction, truth, 1, random);
  };
}

export interface ClickedRound {
  /** All clicks so far. */
  readonly points: NonNullable<ObjectPrompts["points"]>;
  /** `[count, m, m]`, in [0, 1]; nothing in the first round. */
  readonly maskInput: Float32Array | undefined;
  /** `[count, m, m]` logits. */
  readonly lowRes: Float32Array;
  /** `[count]` predicted IoU. */
  readonly ious: Float32Array;
  /** `[count, S, S]` logits, bilinear from the low resolution. */
  readonly logits: Float32Array;
  /** Of these logits against the true masks, each object by itself. */
  readonly scores: PromptedScores;
}

/**
 * Clicks on the objects of one picture, round by round. All objects go through the network together.
 *
 * @param embedding of the picture; it stays the caller's
 * @param truth 0/1 `[count, S, S]`, on the pixels of the network's input
 * @throws GeometryError for masks or clicks that do not fit, ConfigError for counts that are none, EngineError for answers that do not fit or
 * hold NaN
 */
export async function* clickRounds(
  network: PromptableNetwork,
  embedding: EmbeddingHandle,
  truth: Uint8Array,
  { count, rounds, draw }: { readonly count: number; readonly rounds: number; readonly draw: DrawClicks },
): AsyncGenerator<ClickedRound, void, undefined> {
  const { imageSize: side, maskSize } = network;
  checkObjects(truth, count, rounds, side);
  const masks = Array.from({ length: count }, (_, object) => squareMask(truth, object, side));
  const clicks: DrawnPoints[][] = masks.map(() => []);
  let before: ClickedRound | undefined;
  for (let round = 0; round < rounds; round++) {
    const answered = before && binary(before.logits);
    for (const [object, mask] of masks.entries()) {
      const prediction = answered && squareMask(answered, object, side);
      clicks[object]!.push(draw({ object, round, truth: mask, prediction }));
    }
    const points = pointsOf(clicks);
    const maskInput = before?.lowRes.map(sigmoid);
    const prompts = { count, points, ...(maskInput && { masks: maskInput }) };
    const answer = await network.candidates(embedding, prompts, { multimask: true });
    const { lowRes, ious } = bestCandidates(answer, count, maskSize);
    const logits = resizeBilinear(lowRes, count, [maskSize, maskSize], [side, side]);
    before = { points, maskInput, lowRes, ious, logits, scores: scoresOfEach(logits, truth, count) };
    yield before;
  }
}

/**
 * Of every object the candidate of highest predicted IoU, the first of equals.
 *
 * @throws EngineError when the answer has another size than asked for, or NaN
 */
export function bestCandidates(
  { candidates, logits, ious }: MaskCandidates,
  count: number,
  maskSize: number,
): { readonly lowRes: Float32Array; readonly ious: Float32Array } {
  const pixels = maskSize * maskSize;
  if (candidates < 1 || ious.length !== count * candidates || logits.length !== ious.length * pixels) {
    throw new EngineError({
      found: `an answer of ${ious.length} predicted IoUs and ${logits.length} mask pixels for ${count} objects`,
      expected: `${candidates} candidates of ${maskSize}×${maskSize} pixels for each`,
    });
  }
  if (ious.some(Number.isNaN) || logits.some(Number.isNaN)) {
    throw new EngineError({
      found: "the network's answer is not a number (NaN)",
      hint: "check the weights and the picture for values that are not finite",
    });
  }
  const lowRes = new Float32Array(count * pixels);
  const best = new Float32Array(count);
  for (let n = 0; n < count; n++) {
    let chosen = n * candidates;
    for (let at = chosen + 1; at < (n + 1) * candidates; at++) if (ious[at]! > ious[chosen]!) chosen = at;
    best[n] = ious[chosen]!;
    lowRes.set(logits.subarray(chosen * pixels, (chosen + 1) * pixels), n * pixels);
  }
  return { lowRes, ious: best };
}

function checkObjects(truth: Uint8Array, count: number, rounds: number, side: number): void {
  for (const [value, what] of [
    [count, "objects"],
    [rounds, "rounds"],
  ] as const) {
    if (!Number.isInteger(value) || value < 1)
      throw new ConfigError({ found: `${value} ${what}`, expected: "a whole number, at least 1" });
  }
  if (truth.length !== count * side * side) {
    throw new GeometryError({
      found: `${truth.length} pixels of true masks for ${count} objects`,
      expected: `${side}×${side} pixels each, the network's input`,
    });
  }
}

function squareMask(data: Uint8Array, object: number, side: number): BinaryMask {
  return { height: side, width: side, data: data.subarray(object * side * side, (object + 1) * side * side) };
}

function binary(logits: Float32Array): Uint8Array {
  const out = new Uint8Array(logits.length);
  for (let i = 0; i < out.length; i++) if (sigmoid(logits[i]!) > 0.5) out[i] = 1;
  return out;
}

/** The reference judges one object at a time, and what counts as logits depends on what is judged together. */
function scoresOfEach(logits: Float32Array, truth: Uint8Array, count: number): PromptedScores {
  const pixels = truth.length / count;
  const each = Array.from({ length: count }, (_, n) =>
    promptedScores(logits.subarray(n * pixels, (n + 1) * pixels), truth.subarray(n * pixels, (n + 1) * pixels), 1),
  );
  return { iou: each.flatMap(({ iou }) => iou), dice: each.flatMap(({ dice }) => dice) };
}

/** All rounds of all objects as one prompt. */
function pointsOf(clicks: readonly (readonly DrawnPoints[])[]): NonNullable<ObjectPrompts["points"]> {
  const counts = clicks.map((rounds) => rounds.reduce((sum, { labels }) => sum + labels.length, 0));
  const perObject = counts[0]!;
  const fits = clicks.every((rounds) =>
    rounds.every(({ coords, labels }) => coords.length === 2 * labels.length && coords.every(Number.isFinite)),
  );
  if (!fits || perObject === 0 || counts.some((other) => other !== perObject)) {
    throw new GeometryError({
      found: `${counts.join(", ")} clicks on the objects of a picture`,
      expected: "the same number on each, at least one, with two finite coordinates and a label",
    });
  }
  const coords = new Float32Array(2 * perObject * clicks.length);
  const labels = new Int32Array(perObject * clicks.length);
  let at = 0;
  for (const drawn of clicks.flat()) {
    coords.set(drawn.coords, 2 * at);
    labels.set(drawn.labels, at);
    at += drawn.labels.length;
  }
  return { coords, labels, perObject };
}
