/** `imgref/sliding_window`: nnU-Net's importance maps, steps, padding, and tiled predictions with one convolution as the network. */
import { compareNumbers } from "@rfmedsam/base/testing";
import type { Triple } from "@rfmedsam/imaging";
import { describe, expect, test } from "vitest";
import type { PatchNetwork } from "./networks.js";
import { predictVolume } from "./sliding-window.js";
import { referenceCases } from "./testing/reference.js";
import { gaussianImportance, windowPadding, windowSteps } from "./windows.js";

interface Facts {
  readonly kind: string;
  readonly patch: readonly number[];
  readonly sigma_scale: number;
  readonly value_scaling_factor: number;
  readonly tolerance_rel_f32: number;
}

const cases = referenceCases<Facts>("sliding_window");
const ofKind = (kind: string) => cases.filter(({ facts }) => facts.kind === kind);

test("there is no kind of case that is not compared", () => {
  const compared = ["gaussian_importance", "table", "sliding_window"];
  expect(cases.filter(({ facts }) => !compared.includes(facts.kind)).map(({ name }) => name)).toEqual([]);
});

describe.each(ofKind("gaussian_importance"))("$name", ({ name, facts, tensor }) => {
  test("importance map", () => {
    const expected = tensor("f32");
    const actual = gaussianImportance(facts.patch, { scale: facts.sigma_scale, peak: facts.value_scaling_factor });
    const relative = actual.map((value, at) => Math.abs(value - expected[at]!) / expected[at]!);
    const allowed = facts.tolerance_rel_f32;
    expect(
      compareNumbers(
        `imgref/sliding_window/${name}`,
        relative,
        relative.map(() => 0),
        allowed,
      ),
    ).toBeLessThanOrEqual(allowed);
    expect(actual.length).toBe(expected.length);
  });
});

interface StepRow {
  readonly image_size: readonly number[];
  readonly tile_size: readonly number[];
  readonly tile_step_size: number;
  readonly steps: readonly (readonly number[])[];
}

interface PaddingRow {
  readonly shape: readonly number[];
  readonly patch: readonly number[];
  readonly padded: readonly number[];
  readonly inner_start: readonly number[];
}

describe.each(ofKind("table"))("$name", ({ facts }) => {
  test("every row", () => {
    const rows = (facts as unknown as { entries: readonly (StepRow | PaddingRow)[] }).entries;
    for (const row of rows) {
      if ("steps" in row) {
        expect(windowSteps(row.image_size, row.tile_size, row.tile_step_size), JSON.stringify(row)).toEqual(row.steps);
      } else {
        expect(windowPadding(row.shape, row.patch)).toEqual({ padded: row.padded, start: row.inner_start });
      }
    }
  });
});

interface PredictionFacts {
  readonly shape: readonly [number, number, number, number];
  readonly patch: Triple;
  readonly tile_step_size: number;
  readonly mirror_axes: readonly number[] | null;
  readonly use_gaussian: boolean;
  readonly tolerance_abs_f64: number;
}

describe.each(ofKind("sliding_window"))("$name", ({ name, facts, tensor }) => {
  test("logits", async () => {
    const { shape, patch, tile_step_size, mirror_axes, use_gaussian, tolerance_abs_f64 } =
      facts as unknown as PredictionFacts;
    const network = convolution(patch, tensor("weight"), tensor("bias"), shape[0]);
    const actual = await predictVolume(
      network,
      { data: Float32Array.from(tensor("image")), channels: shape[0], shape: [shape[1], shape[2], shape[3]] },
      { overlap: tile_step_size, mirrorAxes: mirror_axes ?? [], gaussian: use_gaussian, batch: 3 },
    );
    expect(
      compareNumbers(`imgref/sliding_window/${name}`, actual, tensor("logits_f64"), tolerance_abs_f64),
    ).toBeLessThanOrEqual(tolerance_abs_f64);
  });
});

/** One 3×3×3 cross-correlation with zeros outside the patch; `weight` `[out, in, 3, 3, 3]`. */
function convolution(
  patch: Triple,
  weight: ArrayLike<number>,
  bias: ArrayLike<number>,
  inputChannels: number,
): PatchNetwork {
  const [depth, height, width] = patch;
  const voxels = depth * height * width;
  const classes = bias.length;
  const around = [-1, 0, 1].flatMap((z) => [-1, 0, 1].flatMap((y) => [-1, 0, 1].map((x) => [z, y, x] as const)));
  const inside = (at: number, length: number) => at >= 0 && at < length;
  const voxel = (input: Float32Array, k: number, n: number, z: number, y: number, x: number) => {
    let sum = bias[k]!;
    for (let c = 0; c < inputChannels; c++) {
      around.forEach(([dz, dy, dx], tap) => {
        if (!inside(z + dz, depth) || !inside(y + dy, height) || !inside(x + dx, width)) return;
        const at = (n * inputChannels + c) * voxels + ((z + dz) * height + y + dy) * width + x + dx;
        sum += weight[(k * inputChannels + c) * 27 + tap]! * input[at]!;
      });
    }
    return sum;
  };
  return {
    patch,
    inputChannels,
    classes,
    async predict(patches, count) {
      const out = new Float32Array(count * classes * voxels);
      let at = 0;
      for (let n = 0; n < count; n++) {
        for (let k = 0; k < classes; k++) {
          for (let z = 0; z < depth; z++) {
            for (let y = 0; y < height; y++) {
              for (let x = 0; x < width; x++) out[at++] = voxel(patches, k, n, z, y, x);
            }
          }
        }
      }
      return out;
    },
  };
}
