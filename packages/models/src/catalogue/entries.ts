/**
 * Every official model: what it is called, the files its authors published it in, what it is built from. Names and shapes of tensors and
 * numbers of parameters are not written down here but read off the networks, built without memory for their weights.
 *
 * Sources: facebookresearch/sam2 (README, "Download Checkpoints"), facebookresearch/segment-anything (README, "Model Checkpoints"),
 * OpenGVLab/SAM-Med2D (README, and the paper, whose "*" means its model with the adapters left out).
 */
import { isEncoderAdapterName } from "../sam/config.js";
import { officialSamConfigs } from "../sam/official-configs.js";
import { officialSam2Configs } from "../sam2/official-configs.js";
import { type ModelArchitecture, type ModelFamily, modelFamilies, tensorsOf } from "./architecture.js";

interface Published {
  readonly title: string;
  readonly architecture: ModelArchitecture;
  /** Names of the files as published. */
  readonly files: readonly string[];
  /** Tensors of the published file that this model has no place for. */
  readonly leavesOut?: ((name: string) => boolean) | undefined;
}

const sam2 = officialSam2Configs;
const sam = officialSamConfigs;

const published = {
  sam2_hiera_t: {
    title: "SAM 2, tiny",
    architecture: { family: "sam2", config: sam2.sam2_hiera_t },
    files: ["sam2_hiera_tiny.pt"],
  },
  sam2_hiera_s: {
    title: "SAM 2, small",
    architecture: { family: "sam2", config: sam2.sam2_hiera_s },
    files: ["sam2_hiera_small.pt"],
  },
  "sam2_hiera_b+": {
    title: "SAM 2, base plus",
    architecture: { family: "sam2", config: sam2["sam2_hiera_b+"] },
    files: ["sam2_hiera_base_plus.pt"],
  },
  sam2_hiera_l: {
    title: "SAM 2, large",
    architecture: { family: "sam2", config: sam2.sam2_hiera_l },
    files: ["sam2_hiera_large.pt"],
  },
  "sam2.1_hiera_t": {
    title: "SAM 2.1, tiny",
    architecture: { family: "sam2", config: sam2["sam2.1_hiera_t"] },
    files: ["sam2.1_hiera_tiny.pt"],
  },
  "sam2.1_hiera_s": {
    title: "SAM 2.1, small",
    architecture: { family: "sam2", config: sam2["sam2.1_hiera_s"] },
    files: ["sam2.1_hiera_small.pt"],
  },
  "sam2.1_hiera_b+": {
    title: "SAM 2.1, base plus",
    architecture: { family: "sam2", config: sam2["sam2.1_hiera_b+"] },
    files: ["sam2.1_hiera_base_plus.pt"],
  },
  "sam2.1_hiera_l": {
    title: "SAM 2.1, large",
    architecture: { family: "sam2", config: sam2["sam2.1_hiera_l"] },
    files: ["sam2.1_hiera_large.pt"],
  },
  sam_vit_b: {
    title: "SAM, ViT-B",
    architecture: { family: "sam", config: sam.sam_vit_b },
    files: ["sam_vit_b_01ec64.pth"],
  },
  sam_vit_l: {
    title: "SAM, ViT-L",
    architecture: { family: "sam", config: sam.sam_vit_l },
    files: ["sam_vit_l_0b3195.pth"],
  },
  sam_vit_h: {
    title: "SAM, ViT-H",
    architecture: { family: "sam", config: sam.sam_vit_h },
    files: ["sam_vit_h_4b8939.pth"],
  },
  "sam-med2d_b": {
    title: "SAM-Med2D, ViT-B with adapters",
    architecture: { family: "sam-med2d", config: sam["sam-med2d_b"] },
    files: ["sam-med2d_b.pth"],
  },
  "sam-med2d_b*": {
    title: "SAM-Med2D, ViT-B, adapters left out",
    architecture: { family: "sam-med2d", config: sam["sam-med2d_b*"] },
    files: ["sam-med2d_b.pth"],
    leavesOut: isEncoderAdapterName,
  },
} as const satisfies Record<string, Published>;

export type OfficialModelName = keyof typeof published;

export class CatalogueEntry implements Published {
  readonly title: string;
  readonly architecture: ModelArchitecture;
  readonly files: readonly string[];
  readonly leavesOut: ((name: string) => boolean) | undefined;
  #parameters: number | undefined;

  constructor(
    readonly name: OfficialModelName,
    { title, architecture, files, leavesOut }: Published,
  ) {
    this.title = title;
    this.architecture = architecture;
    this.files = files;
    this.leavesOut = leavesOut;
  }

  get family(): ModelFamily {
    return this.architecture.family;
  }

  /** Where the published file keeps the weights, as in `{"model": …}`; undefined when they are the file itself. */
  get wrapper(): string | undefined {
    return modelFamilies[this.family].wrapper;
  }

  /** Side S of the square input, in pixels. */
  get imageSize(): number {
    return this.architecture.config.imageSize;
  }

  /** Number of trainable values, counted. @throws EngineError without the engine */
  get parameters(): number {
    this.#parameters ??= tensorsOf(this.architecture).parameters;
    return this.#parameters;
  }
}

/** All official models, by family and size. */
export const catalogue: readonly CatalogueEntry[] = Object.entries(published).map(
  ([name, facts]) => new CatalogueEntry(name as OfficialModelName, facts),
);

/** The model of that name, if there is one. */
export function officialModel(name: string): CatalogueEntry | undefined {
  return catalogue.find((entry) => entry.name === name);
}

/** The official model of that architecture, whatever its image size. */
export function officialArchitecture({ family, config }: ModelArchitecture): CatalogueEntry | undefined {
  const atOfficialSize = (imageSize: number) => JSON.stringify({ ...config, imageSize });
  return catalogue.find(
    (entry) => entry.family === family && JSON.stringify(entry.architecture.config) === atOfficialSize(entry.imageSize),
  );
}
