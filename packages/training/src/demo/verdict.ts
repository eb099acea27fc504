/** What the demonstration has to reach, and whether it did. */

export interface DemoGoal {
  /** Least mean Dice of the final labels. */
  readonly dice: number;
}

export interface Verdict {
  readonly reached: boolean;
  /** One sentence for a person. */
  readonly sentence: string;
}

/** @param final mean Dice of the final labels, and of step 0 alone */
export function judge({ final, step0 }: { final: number; step0: number }, { dice }: DemoGoal): Verdict {
  const shown = (value: number) => (Number.isNaN(value) ? "undefined" : value.toFixed(4));
  const problems = [
    ...(final >= dice ? [] : [`below the ${dice} that was the goal`]),
    ...(final >= step0 ? [] : [`below step 0 alone (${shown(step0)})`]),
  ];
  return problems.length === 0
    ? {
        reached: true,
        sentence: `The final labels reach a mean Dice of ${shown(final)}: at least ${dice}, and not below step 0 alone (${shown(step0)}).`,
      }
    : { reached: false, sentence: `The final labels reach a mean Dice of ${shown(final)}, ${problems.join(" and ")}.` };
}
