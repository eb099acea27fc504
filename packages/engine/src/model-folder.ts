/**
 * A model folder, opened with libtorch:
 *
 *   MODEL/model.json                 what prediction needs to know (packages/segmenter/src/manifest.ts)
 *         step0-fold0.safetensors …  one U-Net a fold, or
 *         generator.safetensors      what proposes prompts from the refiner's embeddings
 *         refiner.safetensors        SAM 2 with adapters, unless the model has none
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf, readFileOrExplain } from "@rfmedsam/base/node";
import { TorchPatchNetwork, TorchRefiner } from "@rfmedsam/models";
import { classTable, type ModelManifest, parseManifest, Segmenter, type UNetManifest } from "@rfmedsam/segmenter";
import { chooseDevice, type Device, type Module, releaseUnused } from "@rfmedsam/torch";
import { loadGenerator, loadSam2, loadUNet } from "./networks.js";

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
  /** Which of step 0's folds answer, from 0; all by default. Others are not loaded. */
  readonly folds?: readonly number[] | undefined;
}

/**
 * Loads a model's networks.
 *
 * @throws as `readManifest`; CheckpointError when weights are damaged or do not fit, ConfigError for a device that is not here
 */
export async function openModel(folder: string, options: OpenModelOptions = {}): Promise<OpenModel> {
  const device = chooseDevice(options.device);
  const manifest = await readManifest(folder);
  const { step0, refiner } = manifest;
  const chosen = step0.kind === "unet" ? chooseFolds(step0, options.folds, folder) : noFolds(options.folds, folder);
  const loaded: Module[] = [];
  const keep = <T extends Module>(module: T): T => {
    loaded.push(module);
    return module;
  };
  const free = () => {
    for (const module of loaded) module.free();
    releaseUnused(device);
  };
  try {
    const folds: TorchPatchNetwork[] = [];
    if (step0.kind === "unet") {
      for (const name of chosen) {
        const network = keep(await loadUNet(step0.architecture, join(folder, name), device));
        folds.push(new TorchPatchNetwork(network, step0.patch, device));
      }
    }
    const sam2 = refiner && keep(await loadSam2(refiner.architecture, join(folder, refiner.weights), device));
    const generator =
      sam2 && step0.kind === "proposal"
        ? keep(
            await loadGenerator(
              step0.generator,
              sam2,
              classTable(manifest).length,
              join(folder, step0.weights),
              device,
            ),
          )
        : undefined;
    const segmenter = new Segmenter(manifest, {
      step0: folds,
      refiner: sam2 && new TorchRefiner(sam2, device, { generator }),
    });
    return { manifest, segmenter, device, free, [Symbol.dispose]: free };
  } catch (cause) {
    free();
    throw cause;
  }
}

/** The weight files of the folds asked for. */
function chooseFolds(
  { folds }: UNetManifest,
  wanted: readonly number[] | undefined,
  folder: string,
): readonly string[] {
  if (wanted === undefined) return folds;
  const wrong = wanted.find((fold) => folds[fold] === undefined);
  if (wrong === undefined && wanted.length > 0) return [...new Set(wanted)].map((fold) => folds[fold]!);
  throw new ConfigError({
    file: folder,
    found: wrong === undefined ? "no fold to answer" : `fold ${wrong} of a model that has ${folds.length}`,
    expected: folds.length === 1 ? "fold 0, its only one" : `folds from 0 to ${folds.length - 1}`,
  });
}

function noFolds(wanted: readonly number[] | undefined, folder: string): readonly string[] {
  if (wanted === undefined) return [];
  throw new ConfigError({
    file: folder,
    found: "folds for a model whose refiner proposes by itself",
    hint: "leave --folds out",
  });
}
