/** Configurations of networks, as a person or a file gives them: defaults filled in, the first wrong field named. */
import { ConfigError } from "@rfmedsam/base";
import type { z } from "zod";

export interface ConfigSource {
  /** Where the configuration comes from, for messages. */
  readonly file?: string;
}

/**
 * @param network what is configured, for messages @param source the file of this project that lists every field
 * @throws ConfigError naming the first wrong field and its value's problem
 */
export function parseConfig<T extends z.ZodType>(
  schema: T,
  value: unknown,
  { file }: ConfigSource,
  network: string,
  source: string,
): z.infer<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [first] = result.error.issues;
  const where = first === undefined || first.path.length === 0 ? `${network} configuration` : first.path.join(".");
  throw new ConfigError({
    file,
    found: `${where}: ${first?.message ?? "not a configuration"}`,
    expected: `a ${network} configuration (${source} lists every field)`,
    cause: result.error,
  });
}
