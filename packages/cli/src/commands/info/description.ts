/** Something described: lines for people, the same for machines. */
export interface Description {
  readonly text: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** Names and values in two columns. */
export function listing(rows: readonly (readonly [name: string, value: string | number])[]): string {
  const width = Math.max(...rows.map(([name]) => name.length));
  return rows.map(([name, value]) => `${name.padEnd(width)}  ${value}\n`).join("");
}
