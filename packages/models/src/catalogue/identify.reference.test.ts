/** Official checkpoints, known by their published names and shapes, are recognised. */
import { describe, expect, test } from "vitest";
import { listNames, readJson } from "../testing/reference.js";
import { catalogue } from "./entries.js";
import { identify } from "./identify.js";

/** The tables of SAM and SAM-Med2D say in their configuration what they are. */
interface SamFacts {
  readonly embed_dim: number;
  readonly image_size: number;
  readonly encoder_adapter: boolean;
}

const samNames: Readonly<Record<number, string>> = { 768: "sam_vit_b", 1024: "sam_vit_l", 1280: "sam_vit_h" };

function samName({ embed_dim, image_size, encoder_adapter }: SamFacts): string | undefined {
  if (image_size === 256) return encoder_adapter ? "sam-med2d_b" : "sam-med2d_b*";
  return samNames[embed_dim];
}

const tables = [
  ...listNames("parity/sam2/keys", ".json").map((name) => ["parity/sam2/keys", name] as const),
  ...listNames("parity/sammed2d/keys", ".json").map((name) => ["parity/sammed2d/keys", name] as const),
];

describe.each(tables)("%s %s", (folder, file) => {
  const table = readJson(`${folder}/${file}.json`);
  const tensors = new Map(Object.entries(table.state_dict as unknown as Record<string, { shape: number[] }>));
  const name = folder.includes("sammed2d") ? samName(table.config as unknown as SamFacts) : file;

  test("is recognised", () => {
    const found = identify(tensors);
    expect(found.kind === "exact" && found.entry.name).toBe(name);
  });

  test("has as many parameters as the catalogue counts", () => {
    expect(catalogue.find((entry) => entry.name === name)?.parameters).toBe(table.total_parameters);
  });
});
