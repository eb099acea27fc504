/** Lists of names in sentences. */

/** The first names, and a sign when there are more: `a, b, c, …`. */
export function someOf(names: readonly string[], most = 3): string {
  return `${names.slice(0, most).join(", ")}${names.length > most ? ", …" : ""}`;
}
