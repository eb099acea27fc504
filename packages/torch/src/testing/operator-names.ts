/** The names that operators.txt gives, by the generator's own rule. */
import { readFileSync } from "node:fs";

const camel = (name: string) =>
  name.replace(/^_+/, "").replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());

export function operatorNames(): string[] {
  return readFileSync(new URL("../../operators.txt", import.meta.url), "utf8")
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .map((line) => {
      const [, given, qualified = ""] = /^(?:(\w+)\s*=\s*)?([^.]+)/.exec(line) ?? [];
      return given ?? camel(qualified.replace("aten::", ""));
    });
}
