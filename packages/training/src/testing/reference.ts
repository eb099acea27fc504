/** The SAM-Med2D cases of the shared folder: a description, inputs, and outputs that bring their own tolerance. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { compareNumbers, sharedPath } from "@rfmedsam/base/testing";
import { Sam, type SamConfig, samConfig } from "@rfmedsam/models";
import { readSafetensors, type Tensor } from "@rfmedsam/torch";
import { expect } from "vitest";

const family = "parity/sammed2d";

/** All cases of one kind, whatever the small model they belong to: `mini/losses` … Fails when there are none. */
export function caseNames(prefix: string): string[] {
  const folder = sharedPath(family);
  const names = readdirSync(folder).flatMap((model) =>
    readdirSync(join(folder, model))
      .filter((name) => name.startsWith(prefix) && existsSync(join(folder, model, name, "case.json")))
      .map((name) => `${model}/${name}`),
  );
  if (names.length === 0) throw new Error(`${folder} has no case called ${prefix}…`);
  return names.sort();
}

export class ReferenceCase<Facts = unknown> {
  private constructor(
    readonly name: string,
    /** The content of `case.json`. */
    readonly facts: Facts & { readonly tolerance: { readonly f32_vs_f64_max_abs_diff: Record<string, number> } },
    readonly inputs: ReadonlyMap<string, Tensor>,
    readonly outputs: ReadonlyMap<string, Tensor>,
  ) {}

  static async read<Facts>(name: string): Promise<ReferenceCase<Facts>> {
    const folder = sharedPath(family, name);
    const tensors = await readSafetensors(join(folder, "tensors.safetensors"));
    const under = (prefix: string) =>
      new Map(
        [...tensors].flatMap(([key, value]) => (key.startsWith(prefix) ? [[key.slice(prefix.length), value]] : [])),
      );
    const facts = JSON.parse(readFileSync(join(folder, "case.json"), "utf8"));
    return new ReferenceCase(name, facts, under("in."), under("out."));
  }

  /** The model the case belongs to, with its weights, not training. */
  async model(): Promise<Sam> {
    const folder = sharedPath(family, this.name, "..");
    const model = new Sam(modelConfig(JSON.parse(readFileSync(join(folder, "config.json"), "utf8"))));
    model.loadStateDict(await readSafetensors(join(folder, "weights.safetensors")));
    return model.eval();
  }

  input(name: string): Tensor {
    const found = this.inputs.get(name);
    if (found === undefined) throw new Error(`${this.name} has no input ${name}`);
    return found;
  }

  /** Fails unless every output of the reference is among the results: 20 times what float32 costs the reference, plus a millionth of its range. */
  expectAll(results: ReadonlyMap<string, ArrayLike<number>>): void {
    const faults: string[] = [];
    for (const [name, tensor] of this.outputs) {
      const actual = results.get(name);
      const difference = this.facts.tolerance.f32_vs_f64_max_abs_diff[name];
      if (actual === undefined) faults.push(`${name} was not computed`);
      else if (difference === undefined) faults.push(`${name} comes without a tolerance`);
      else {
        const expected = tensor.toNumbers();
        const range = expected.reduce((largest, value) => Math.max(largest, Math.abs(value)), 0);
        const tolerance = 20 * difference + 1e-6 * range;
        const worst = compareNumbers(`${family}/${this.name}`, actual, expected, tolerance);
        if (!(worst <= tolerance)) faults.push(`${name} differs by ${worst}, tolerance ${tolerance}`);
      }
    }
    expect(faults, this.name).toEqual([]);
  }
}

/** The reference's constructor arguments, by name. */
interface ModelFacts {
  readonly image_encoder: Record<string, unknown> & {
    readonly adapter_train: boolean;
    readonly adapter: Record<string, unknown>;
  };
  readonly prompt_encoder: { readonly mask_in_chans: number };
  readonly mask_decoder: Record<string, unknown> & { readonly transformer: Record<string, unknown> };
  readonly pixel_mean: readonly number[];
  readonly pixel_std: readonly number[];
}

/** In our terms: the same names in camelCase, without what is derived from other values. */
function modelConfig({ image_encoder, prompt_encoder, mask_decoder, ...pixels }: ModelFacts): SamConfig {
  const { img_size, in_chans, act, use_abs_pos, use_rel_pos, adapter_train, adapter, ...encoder } = image_encoder;
  const { transformer_dim, transformer, ...decoder } = mask_decoder;
  const { embedding_dim, ...transformerSizes } = transformer;
  const { skip_connect, ...adapterSizes } = adapter;
  expect([in_chans, act, use_abs_pos, use_rel_pos, skip_connect]).toEqual([3, "gelu", true, true, true]);
  expect([transformer_dim, embedding_dim]).toEqual([encoder.out_chans, encoder.out_chans]);
  return samConfig({
    imageSize: img_size,
    pictureRule: "sam-med2d",
    imageEncoder: { ...camelised(encoder), ...(adapter_train && { adapter: camelised(adapterSizes) }) },
    promptEncoder: { maskInChans: prompt_encoder.mask_in_chans },
    maskDecoder: { ...camelised(decoder), transformer: camelised(transformerSizes) },
    pixelMean: pixels.pixel_mean,
    pixelStd: pixels.pixel_std,
  });
}

function camelised(values: Record<string, unknown>): Record<string, unknown> {
  const camelCase = (name: string) => name.replace(/_([a-z])/g, (_, letter: string) => letter.toUpperCase());
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [camelCase(name), value]));
}
