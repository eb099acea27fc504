/** `--set step0.iterations=400`: single values of a configuration, changed on the command line. */
import { ConfigError } from "@rfmedsam/base";

/** A change: where, and the new value. */
export interface Setting {
  readonly path: readonly string[];
  readonly value: unknown;
}

/** @param texts as `parseSetting` takes them @throws as that does */
export const parseSettings = (texts: readonly string[]): Promise<Setting[]> => Promise.all(texts.map(parseSetting));

/**
 * @param text `key.path=value`; the value is JSON where it can be (`4`, `true`, `null`, `[32,64,64]`), a list or table may stand as
 *   `plan --configuration` prints it (`[hiera, neck]`, `{ share: 0 }`), all else is text
 * @throws ConfigError when there is no key or no `=`
 */
export async function parseSetting(text: string): Promise<Setting> {
  const at = text.indexOf("=");
  const path = text.slice(0, at).trim().split(".");
  if (at < 1 || path.includes("")) {
    throw new ConfigError({
      file: "--set",
      found: `"${text}"`,
      expected: "key.path=value, for example step0.iterations=400",
    });
  }
  return { path, value: await valueFrom(text.slice(at + 1).trim()) };
}

async function valueFrom(text: string): Promise<unknown> {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    // No more of YAML than that: a bare word, a path or a time would become something else.
    if (!/^[[{]/.test(text)) return text;
  }
  const { parse } = await import("yaml");
  try {
    return parse(text, { logLevel: "error" }) as unknown;
  } catch {
    return text;
  }
}

/** A copy of `configuration` with the changes made; whether the keys exist is for its schema to say. */
export function applySettings(configuration: unknown, settings: readonly Setting[]): unknown {
  return settings.reduce((changed, { path, value }) => changeAt(changed, path, value), configuration);
}

function changeAt(target: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  const plain = typeof target === "object" && target !== null && !Array.isArray(target);
  const record = plain ? (target as Record<string, unknown>) : {};
  return { ...record, [key]: changeAt(Object.hasOwn(record, key) ? record[key] : undefined, rest, value) };
}
