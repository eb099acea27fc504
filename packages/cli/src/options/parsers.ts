/** Values of options, checked where they are read. */
import { InvalidArgumentError } from "commander";

/** A whole number of at least `least`. */
export const wholeNumber =
  (least: number) =>
  (text: string): number => {
    const value = Number(text);
    if (text.trim() !== "" && Number.isSafeInteger(value) && value >= least) return value;
    throw new InvalidArgumentError(`Expected a whole number from ${least}.`);
  };

/** A length in millimetres. */
export function millimetres(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && Number.isFinite(value) && value > 0) return value;
  throw new InvalidArgumentError("Expected millimetres, a number above 0.");
}

/** A number from 0 to 1. */
export function part(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Expected a number from 0 to 1.");
}

/** For options that may be given several times. */
export const collect = (text: string, before: readonly string[] = []): readonly string[] => [...before, text];

/** Two values, the lower one first: `-160,240`. */
export function valueRange(text: string): { readonly low: number; readonly high: number } {
  const [low, high, ...more] = text.split(",").map((word) => (word.trim() === "" ? Number.NaN : Number(word)));
  if (more.length === 0 && Number.isFinite(low) && Number.isFinite(high) && low! < high!)
    return { low: low!, high: high! };
  throw new InvalidArgumentError("Expected two numbers, the lower one first, such as -160,240.");
}
