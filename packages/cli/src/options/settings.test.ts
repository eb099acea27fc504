import { fc, test } from "@fast-check/vitest";
import { ConfigError } from "@rfmedsam/base";
import { describe, expect } from "vitest";
import { applySettings, parseSetting, parseSettings } from "./settings.js";

describe("--set", () => {
  test.each([
    ["a=4", ["a"], 4],
    ["a.b.c=true", ["a", "b", "c"], true],
    ["a = [1, 2]", ["a"], [1, 2]],
    ["a=null", ["a"], null],
    ["a=weights.safetensors", ["a"], "weights.safetensors"],
    ["a=x=y", ["a"], "x=y"],
    ["a=", ["a"], ""],
    ["a=[hiera, memory-self]", ["a"], ["hiera", "memory-self"]],
    ["a={ share: 0.5, of: [1, null] }", ["a"], { share: 0.5, of: [1, null] }],
    ["a={not closed", ["a"], "{not closed"],
    ["a=yes", ["a"], "yes"],
    ["a=C: drive", ["a"], "C: drive"],
  ])("%s", async (text, path, value) => expect(await parseSetting(text)).toEqual({ path, value }));

  test.each(["", "a", "=4", "a..b=4", ".a=4"])('"%s" is refused', async (text) => {
    await expect(parseSetting(text)).rejects.toThrow(ConfigError);
  });

  const keys = fc.stringMatching(/^[a-zA-Z_]{1,8}$/);
  test.prop([fc.array(keys, { minLength: 1, maxLength: 4 }), fc.jsonValue()])(
    "a value is found again where it was put, and nowhere else",
    (path, value) => {
      const before = { kept: { as: "it was" } };
      const after = applySettings(before, [{ path: ["new", ...path], value }]);
      const found = path.reduce<unknown>(
        (at, key) => (at as Record<string, unknown>)[key],
        (after as { new: unknown }).new,
      );
      expect(found).toEqual(value);
      expect(after).toMatchObject(before);
      expect(before).toEqual({ kept: { as: "it was" } });
      expect(({} as Record<string, unknown>)[path[0]!]).toBe(Object.prototype[path[0] as keyof object]);
    },
  );

  test("the last of several for one key counts", async () => {
    const settings = await parseSettings(["a.b=1", "a.c=2", "a.b=3"]);
    expect(applySettings({ a: { b: 0, d: 4 } }, settings)).toEqual({ a: { b: 3, c: 2, d: 4 } });
  });
});
