import { onDevice } from "@rfmedsam/torch";
import { describe, expect, test } from "vitest";
import { type Json, type JsonObject, listNames, readJson } from "../testing/reference.js";
import { camelCase, flags } from "../testing/sam2-reference.js";
import { type OfficialSam2Name, officialSam2Configs } from "./official-configs.js";
import { Sam2 } from "./sam2.js";

const folder = "parity/sam2/keys";

interface Entry {
  readonly shape: number[];
  readonly dtype: string;
  readonly kind: "parameter" | "buffer";
}

describe.each(listNames(folder, ".json"))("%s", (name) => {
  const table = readJson(`${folder}/${name}.json`);
  const config = officialSam2Configs[name as OfficialSam2Name];

  test("has exactly the official names, shapes and kinds, in their order", () => {
    const model = onDevice("meta", () => new Sam2(config));
    const parameters = model.namedParameters();
    const entries = [...model.stateDict()].map(([key, value]): [string, Entry] => [
      key,
      { shape: [...value.shape], dtype: "F32", kind: parameters.has(key) ? "parameter" : "buffer" },
    ]);
    expect(entries).toEqual(Object.entries(table.state_dict as unknown as Record<string, Entry>));
    expect(model.parameterCount()).toBe(table.total_parameters);
    model.free();
  });

  test("has the official values wherever the configuration states them", () => {
    const given = table.config as JsonObject;
    const plain = Object.fromEntries(Object.entries(given).filter(([, value]) => typeof value !== "object"));
    expect(config).toMatchObject(withoutKeys(flags(plain), "class", "compileImageEncoder"));
    const { trunk, scalp } = given.image_encoder as { [key: string]: JsonObject };
    expect(config.imageEncoder.scalp).toBe(scalp);
    expect(config.imageEncoder.trunk).toMatchObject(withoutKeys(renamed(trunk!), "class"));
    const attention = given.memory_attention as { [key: string]: JsonObject };
    const {
      class: _,
      d_model: __,
      self_attention: ___,
      cross_attention,
      ...layer
    } = attention.layer as { [key: string]: JsonObject };
    expect(config.memoryAttention).toMatchObject(renamed(layer as unknown as JsonObject));
    expect(config.memoryAttention).toMatchObject({
      numLayers: attention.num_layers,
      posEncAtInput: attention.pos_enc_at_input,
      ropeTheta: cross_attention!.rope_theta,
      numHeads: cross_attention!.num_heads,
      downsampleRate: cross_attention!.downsample_rate,
    });
  });
});

function renamed(value: JsonObject): JsonObject {
  return Object.fromEntries(Object.entries(value).map(([key, field]): [string, Json] => [camelCase(key), field]));
}

function withoutKeys(value: JsonObject, ...keys: string[]): JsonObject {
  return Object.fromEntries(Object.entries(value).filter(([key]) => !keys.includes(key)));
}
