/** The organs a phantom can label, and the numbers its label maps use. */

/** Every organ that can be labelled, in the order of label numbers. */
export const organNames = [
  "liver",
  "spleen",
  "right_kidney",
  "left_kidney",
  "stomach",
  "aorta",
  "gallbladder",
  "pancreas",
  "inferior_vena_cava",
  "vertebrae",
] as const;

export type Organ = (typeof organNames)[number];

/** What is labelled unless asked otherwise. */
export const defaultOrgans: readonly Organ[] = organNames.slice(0, 6);

/** Label numbers: background 0, then 1 … in the order given. */
export function labelNumbers(organs: readonly Organ[]): Record<string, number> {
  return Object.fromEntries([["background", 0], ...organs.map((organ, index) => [organ, index + 1] as const)]);
}
