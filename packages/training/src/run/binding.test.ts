import { describe, expect, test } from "vitest";
import { tinyConfiguration } from "../testing/cases.js";
import { bindingConfiguration, bindsTheSame } from "./binding.js";
import { configurationChanges } from "./work-folder.js";

const configuration = tinyConfiguration();

/** As versions before these two settings existed stored it. */
function storedBefore(): unknown {
  const { refiner, ...others } = structuredClone(configuration);
  const { rate, ...adapters } = refiner.adapters!;
  const { mask, ...promptSources } = refiner.promptSources;
  return { ...others, refiner: { ...refiner, adapters, promptSources } };
}

describe("what binds a run", () => {
  test("is everything but how much memory it may take and how often it saves", () => {
    const binding = bindingConfiguration(configuration);
    const all = Object.keys(configuration).filter((key) => !["memory", "checkpointEvery"].includes(key));
    expect(Object.keys(binding).sort()).toEqual(all.sort());
    expect(bindsTheSame(configuration, tinyConfiguration({ memory: 20, checkpointEvery: 7 }))).toBe(true);
    expect(bindsTheSame(configuration, tinyConfiguration({ folds: 4 }))).toBe(false);
  });

  test("holds for what a file gives back", () => {
    expect(bindsTheSame(configuration, JSON.parse(JSON.stringify(configuration)))).toBe(true);
  });

  test("has settings that came later at the value that changes nothing", () => {
    const refiner = bindingConfiguration(storedBefore()).refiner as typeof configuration.refiner;
    expect(refiner.adapters!.rate).toBe(1);
    expect(refiner.promptSources.mask).toBe(0);
  });

  test.each([
    ["a setting that is gone", { ...configuration, folds: 2, wings: 2 }],
    ["a value that is none any more", { ...configuration, precision: "float8" }],
  ])("is not the same with %s, which is named", (_, stored) => {
    expect(bindsTheSame(stored, configuration)).toBe(false);
    const changes = configurationChanges(bindingConfiguration(stored), bindingConfiguration(configuration));
    expect(changes.join("; ")).toMatch(/wings \(was 2, is not set\)|precision \(was "float8", is "float32"\)/);
  });

  test.each([[null], ["text"], [undefined], [3]])("is nothing of what is no configuration: %s", (stored) => {
    expect(bindsTheSame(stored, configuration)).toBe(false);
  });
});
