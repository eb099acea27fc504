/**
 * A model folder, opened with libtorch:
 *
 *   MODEL/model.json                 what prediction needs to know (packages/segmenter/src/manifest.ts)
 *         step0-fold0.safetensors …  one U-Net a fold
 *         refiner.safetensors        SAM 2 with adapters, unless the model has none
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf, readFileOrExplain } from "@rfmedsam/base/node";
import { TorchPatchNetwork, TorchRefiner } from "@rfmedsam/models";
import { type ModelManifest, parseManifest, Segmenter } from "@rfmedsam/segmenter";
import { chooseDevice, type Device, type Module } from "@rfmedsam/torch";
import { loadSam2, loadUNet } from "./networks.js";

export const manifestName = "model.json";

/**
 * @throws FileError when the folder or model.json is missing (also after an unfinished training), ConfigError when it cannot be used
 */
export async function readManifest(folder: string): Promise<ModelManifest> {
  const file = join(folder, manifestName);
  if (!existsSync(file) && existsSync(join(folder, "training"))) {
    throw fileErrorOf(
      { code: "ENOENT" },
      file,
      "the training of this model has not finished: run the same `rfmedsam train` command again to go on",
    );
  }
  const bytes = await readFileOrExplain(file, "a model is the folder that `rfmedsam train -o MODEL` wrote");
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw new ConfigError({ file, found: "this is not JSON", expected: "the model.json that training wrote", cause });
  }
  return parseManifest(json, { file });
}

/** A model in memory: `segmenter` answers, `free` gives the networks' memory back. */
export interface OpenModel {
  readonly manifest: ModelManifest;
  readonly segmenter: Segmenter;
  readonly device: Device;
  free(): void;
  [Symbol.dispose](): void;
}

export interface OpenModelOptions {
  /** `auto` (default), `cpu`, `cuda`, `cuda:1` … */
  readonly device?: Device | "auto" | undefined;
}

/**
 * Loads a model's networks.
 *
 * @throws as `readManifest`; CheckpointError when weights are damaged or do not fit, ConfigError for a device that is not here
 */
export async function openModel(folder: string, { device: wanted }: OpenModelOptions = {}): Promise<OpenModel> {
  const device = chooseDevice(wanted);
  const manifest = await readManifest(folder);
  const { step0, refiner } = manifest;
  const loaded: Module[] = [];
  const free = () => {
    for (const module of loaded) module.free();
  };
  try {
    const folds: TorchPatchNetwork[] = [];
    for (const name of step0.folds) {
      const network = await loadUNet(step0.architecture, join(folder, name), device);
      loaded.push(network);
      folds.push(new TorchPatchNetwork(network, step0.patch, device));
    }
    const sam2 = refiner && (await loadSam2(refiner.architecture, join(folder, refiner.weights), device));
    if (sam2) loaded.push(sam2);
    const segmenter = new Segmenter(manifest, { step0: folds, refiner: sam2 && new TorchRefiner(sam2, device) });
    return { manifest, segmenter, device, free, [Symbol.dispose]: free };
  } catch (cause) {
    free();
    throw cause;
  }
}
