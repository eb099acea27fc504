/** YAML files, of which JSON is a part: recipes, ablations, configurations. */
import { ConfigError } from "@rfmedsam/base";
import { readFileOrExplain } from "@rfmedsam/base/node";
import { parse } from "yaml";

/**
 * @param expected what the file is to be, for the error
 * @param hint for a file that is not there
 * @returns null for an empty file
 * @throws FileError; ConfigError for what is no YAML
 */
export async function readYaml(file: string, expected?: string, hint?: string): Promise<unknown> {
  const text = new TextDecoder().decode(await readFileOrExplain(file, hint));
  try {
    return parse(text);
  } catch (cause) {
    throw new ConfigError({ file, found: "this is neither YAML nor JSON", expected, cause });
  }
}
