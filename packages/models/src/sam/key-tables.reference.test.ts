import { onDevice } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { type JsonObject, listNames, readJson } from "../testing/reference.js";
import { camelised } from "../testing/sam2-reference.js";
import type { SamConfig } from "./config.js";
import { officialSamConfigs } from "./official-configs.js";
import { Sam } from "./sam.js";

const folder = "parity/sammed2d/keys";

interface Entry {
  readonly shape: number[];
  readonly dtype: string;
  readonly kind: "parameter" | "buffer";
}

/** What a table says of its model, as a configuration would. */
function stated(table: JsonObject): JsonObject {
  const { imageSize, encoderAdapter, useRelPos, promptEmbedDim, maskInChans, decoder, ...encoder } = camelised(
    table.config as JsonObject,
  ) as JsonObject;
  const { depth, mlpDim, numHeads, ...heads } = decoder as JsonObject;
  expect([useRelPos, promptEmbedDim]).toEqual([true, encoder.outChans]);
  return {
    imageSize: imageSize!,
    imageEncoder: { ...encoder, ...(encoderAdapter === true ? { adapter: {} } : {}) },
    promptEncoder: { maskInChans: maskInChans! },
    maskDecoder: { ...heads, transformer: { depth: depth!, mlpDim: mlpDim!, numHeads: numHeads! } },
  };
}

/** The official configuration of a table: the one of its sizes. */
function configOf(table: JsonObject): SamConfig {
  const wanted = stated(table);
  const withAdapter = "adapter" in (wanted.imageEncoder as JsonObject);
  const { embedDim } = wanted.imageEncoder as JsonObject;
  const found = Object.values(officialSamConfigs).find(
    ({ imageSize, imageEncoder }) =>
      imageSize === wanted.imageSize &&
      imageEncoder.embedDim === embedDim &&
      (imageEncoder.adapter !== undefined) === withAdapter,
  );
  if (found === undefined) throw new Error(`no official configuration is ${JSON.stringify(wanted)}`);
  return found;
}

describe.each(listNames(folder, ".json"))("%s", (name) => {
  const table = readJson(`${folder}/${name}.json`);

  test("has exactly the official names, shapes and kinds, in their order", () => {
    const model = onDevice("meta", () => new Sam(configOf(table)));
    const parameters = model.namedParameters();
    const entries = [...model.stateDict()].map(([key, value]): [string, Entry] => [
      key,
      { shape: [...value.shape], dtype: "F32", kind: parameters.has(key) ? "parameter" : "buffer" },
    ]);
    const official = Object.entries(table.state_dict as unknown as Record<string, Entry>);
    expect(entries.map(([key]) => key)).toEqual(official.map(([key]) => key));
    expect(entries).toEqual(official);
    expect(model.parameterCount()).toBe(table.total_parameters);
    model.free();
  });

  test("has the official values wherever its configuration states them", () => {
    expect(configOf(table)).toMatchObject(stated(table));
  });
});
