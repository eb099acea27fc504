/** What a model's configuration says about tracking: which memories are looked at, when alternatives are asked for. */
import type { SelectionRules } from "./select-memories.js";

export interface MultimaskRules {
  /** Whether alternatives are ever predicted. */
  readonly inSam: boolean;
  /** Also on slices that look at memories. */
  readonly forTracking: boolean;
  /** For prompts of so many points, the corners of a box included. */
  readonly minPoints: number;
  readonly maxPoints: number;
}

export interface TrackingRules {
  readonly memory: SelectionRules;
  readonly multimask: MultimaskRules;
  /** A given mask is the answer itself; otherwise it is a prompt of the decoder. */
  readonly maskAsOutput: boolean;
}

/**
 * Whether the decoder predicts the alternatives to an ambiguous prompt, of which the best is taken.
 *
 * @param points of the prompt, the corners of a box included @param initial the slice is seen without memories
 */
export function usesMultimask(
  { inSam, forTracking, minPoints, maxPoints }: MultimaskRules,
  points: number,
  initial: boolean,
): boolean {
  return inSam && (initial || forTracking) && points >= minPoints && points <= maxPoints;
}
