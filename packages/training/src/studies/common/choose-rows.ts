/** Rows of a table that a user names. */
import { ConfigError } from "@rfmedsam/base";
import { nearestKey } from "@rfmedsam/segmenter";

/**
 * @param what a row is, for the error: "degradation"
 * @param wanted all unless given
 * @param accepts names that are no key of the table, but fit its family
 * @returns in the table's order, others behind, none twice
 * @throws ConfigError for names that are unknown, and for none
 */
export function chooseRows<Name extends string>(
  what: string,
  known: readonly Name[],
  wanted: readonly string[] | undefined,
  accepts: (name: string) => name is Name = (name): name is Name => (known as readonly string[]).includes(name),
): Name[] {
  if (wanted === undefined) return [...known];
  if (wanted.length === 0) throw new ConfigError({ found: `no ${what}`, expected: `some of ${known.join(", ")}` });
  const unknown = wanted.find((name) => !accepts(name));
  if (unknown !== undefined) {
    const nearest = nearestKey(unknown, known);
    throw new ConfigError({
      found: `no such ${what}: ${JSON.stringify(unknown)}`,
      expected: `some of ${known.join(", ")}`,
      hint: nearest === undefined ? undefined : `"${nearest}" is the nearest there is`,
    });
  }
  const names = wanted as readonly Name[];
  return [...new Set([...known.filter((name) => names.includes(name)), ...names])];
}
