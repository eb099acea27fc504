/** The rows of the table. */
import type { FreshRequest } from "./works/checkpoints.js";
import type { WorkRequest } from "./works/index.js";

interface Described {
  readonly name: string;
  /** Turns of each side where the protocol's number would take too long. */
  readonly rounds?: number;
  /** Takes long; left out by `--quick`. */
  readonly slow?: boolean;
}

/** Work that a worker repeats. */
export type RepeatedRow = Described &
  WorkRequest & {
    /** A run does the thing that the row names this many times. */
    readonly perRun: number;
  };

/** Work that a new process begins with a checkpoint file; what counts is its own time, or the whole process's from its start. */
export type FreshRow = Described & FreshRequest & { readonly counts: "work" | "process" };

export type Row = RepeatedRow | FreshRow;

const calls = 20_000;
const once = [1, 1, 1];
const three = [3, 3, 3];
const two = [2, 2, 2];

const operators: readonly Row[] = [
  { name: "add 2×2", work: "add", parameters: { calls, graph: "none" }, perRun: calls },
  { name: "add 2×2, recorded by autograd", work: "add", parameters: { calls, graph: "recorded" }, perRun: calls },
  {
    name: "add 2×2, sum, backward",
    work: "add",
    parameters: { calls: calls / 10, graph: "backward" },
    perRun: calls / 10,
  },
];

const training: readonly Row[] = [
  {
    name: "U-Net 3D training step, 2 × 40×56×40",
    work: "unet-training-step",
    parameters: {
      batch: 2,
      patch: [40, 56, 40],
      inputChannels: 1,
      classes: 3,
      features: [32, 64, 128, 256],
      kernels: [three, three, three, three],
      strides: [once, two, two, two],
      convsPerStage: 2,
    },
    perRun: 1,
  },
];

const sizes = { t: "tiny", s: "small", "b+": "base+", l: "large" } as const;
type Size = keyof typeof sizes;

function encoder(size: Size, imageSize: number, limits: Pick<Described, "rounds" | "slow"> = {}): Row {
  const name = `SAM 2.1 ${sizes[size]}, image encoder, ${imageSize}`;
  return { name, work: "sam2-image-encoder", parameters: { size, imageSize }, perRun: 1, ...limits };
}

const encoders: readonly Row[] = [
  encoder("t", 256),
  encoder("t", 512),
  encoder("s", 512),
  encoder("b+", 512, { rounds: 5 }),
  encoder("l", 512, { rounds: 3 }),
  encoder("t", 1024, { rounds: 5 }),
  encoder("s", 1024, { rounds: 5, slow: true }),
  encoder("b+", 1024, { rounds: 3, slow: true }),
  encoder("l", 1024, { rounds: 3, slow: true }),
  {
    name: "SAM-Med2D, image encoder, 256",
    work: "sam-image-encoder",
    parameters: { model: "sam-med2d_b" },
    perRun: 1,
  },
  {
    name: "SAM ViT-B, image encoder, 1024",
    work: "sam-image-encoder",
    parameters: { model: "sam_vit_b" },
    perRun: 1,
    rounds: 3,
    slow: true,
  },
];

const prompts: readonly Row[] = [256, 1024].map((imageSize) => ({
  name: `SAM 2.1 tiny, one click on an embedding, ${imageSize}`,
  work: "sam2-click",
  parameters: { size: "t", imageSize },
  perRun: 1,
}));

const tracking: readonly Row[] = [
  {
    name: "SAM 2.1 tiny, tracked slice, 256, 6 objects",
    work: "sam2-tracked-slice",
    parameters: { size: "t", imageSize: 256, objects: 6, memories: 7, pointers: 16 },
    perRun: 1,
  },
  {
    name: "SAM 2.1 tiny, tracked slice, 512, 1 object",
    work: "sam2-tracked-slice",
    parameters: { size: "t", imageSize: 512, objects: 1, memories: 7, pointers: 16 },
    perRun: 1,
  },
];

const files = {
  "sam2.1_hiera_t": "SAM 2.1 tiny",
  "sam2.1_hiera_s": "SAM 2.1 small",
  "sam2.1_hiera_b+": "SAM 2.1 base+",
  "sam2.1_hiera_l": "SAM 2.1 large",
  "sam-med2d_b": "SAM-Med2D",
  sam_vit_b: "SAM ViT-B",
  sam_vit_l: "SAM ViT-L",
  sam_vit_h: "SAM ViT-H",
} as const;

/** Files of a gigabyte and more. */
const large: readonly string[] = ["sam-med2d_b", "sam_vit_l", "sam_vit_h"];

const checkpoints: readonly Row[] = Object.entries(files).map(([model, name]) => ({
  name: `${name}, load the checkpoint`,
  work: "load-checkpoint",
  parameters: { model: model as keyof typeof files },
  counts: "work",
  rounds: 5,
  slow: large.includes(model),
}));

const startUp: readonly Row[] = [
  {
    name: "SAM 2.1 tiny, process start to first mask, 256",
    work: "first-mask",
    parameters: { model: "sam2.1_hiera_t", imageSize: 256 },
    counts: "process",
  },
];

export const rows: readonly Row[] = [
  ...operators,
  ...training,
  ...encoders,
  ...prompts,
  ...tracking,
  ...checkpoints,
  ...startUp,
];
