/**
 * What may stand in a training's configuration, and what every key means: the description that stands beside a key is what
 * `rfmedsam plan --configuration` prints, with what the schema allows. Every number of the presets is ours unless METHOD names a source.
 */
import { adapterPlacements, backboneConfig, backboneNames } from "@rfmedsam/models";
import * as z from "zod";

const count = z.int().positive();
const natural = z.int().min(0);
const positive = z.number().positive();
const weight = z.number().min(0);
const share = z.number().min(0).max(1);
const decay = z.number().min(0).lt(1);
const flag = z.boolean();
const triple = z.tuple([positive, positive, positive]);
const countTriple = z.tuple([count, count, count]);
const percentile = z.number().min(0).max(100);
const orAuto = <Schema extends z.ZodType>(schema: Schema) => z.union([z.literal("auto"), schema]);

const preprocessing = z
  .strictObject({
    spacing: z
      .union([z.literal("median"), z.literal("low"), z.literal("keep"), triple])
      .describe(
        "Millimetres in the order z, y, x; median takes each axis' median over the data set, keep resamples nothing, low coarsens the " +
          "median until a patch shows a quarter of the median case (nnU-Net's low resolution).",
      ),
    normalisation: z
      .enum(["auto", "ct", "zscore"])
      .describe(
        "Of every channel. auto goes by the channel's name in dataset.json, as nnU-Net does: ct for CT, nothing for noNorm, each case's " +
          "own range to 0 … 1 for rescale_to_0_1, 0 … 255 to 0 … 1 for rgb_to_0_1, zscore for all others.",
      ),
    cropToNonzero: flag.describe("Cut away what is zero in every channel around a case."),
    clip: z
      .tuple([percentile, percentile])
      .refine(([low, high]) => low < high, "a lower percentile before a higher one")
      .describe(
        "Percentiles of the labelled voxels' intensities that CT is clipped to, the lower one first; nnU-Net's are 0.5 and 99.5.",
      ),
  })
  .describe("How the cases are made alike.");

const augmentation = z
  .strictObject({
    rotate: share.describe("How often a patch is turned."),
    maximumAngle: orAuto(z.number().min(0).max(180)).describe(
      "Degrees, about every axis of the patch (2D: in the plane); auto is nnU-Net's: 30, in a plane 180, or 15 in an oblong one.",
    ),
    scaling: share.describe("How often a patch is made larger or smaller."),
    scale: z.tuple([positive, positive]).describe("By which factor: the smallest and the largest."),
    noise: share.describe("How often noise is added."),
    blur: share.describe("How often a patch is blurred."),
    brightness: share.describe("How often intensities are multiplied by a factor."),
    contrast: share.describe("How often their distance to the patch's mean is multiplied by one."),
    lowResolution: share.describe("How often a coarser scan is simulated."),
    gamma: share.describe("How often intensities are bent by a gamma curve."),
    invertedGamma: share.describe("How often the negative image is bent by one."),
    mirrorAxes: z
      .array(z.int().min(0).max(2))
      .refine((axes) => new Set(axes).size === axes.length, "every axis at most once")
      .describe(
        "Axes (0 is z, 1 is y, 2 is x) that may be mirrored, each at most once; leave 2 out where left and right are different organs and " +
          "patches are small.",
      ),
  })
  .describe("How patches are changed at random while step 0 learns. nnU-Net's values are those of the preset gpu.");

const step0 = z
  .strictObject({
    dimensions: z.union([z.literal(2), z.literal(3)]).describe("Whether the U-Net sees slices or volumes."),
    patch: orAuto(countTriple).describe("Voxels in the order z, y, x; auto fits the median case within patchVoxels."),
    patchVoxels: count.describe("Most voxels of a patch that auto chooses."),
    baseFeatures: count.describe("Feature maps at the full resolution; each coarser one has twice as many."),
    maximumFeatures: orAuto(count).describe(
      "Most feature maps of a resolution; auto is nnU-Net's: 512 in 2D, 320 in 3D.",
    ),
    maximumStages: orAuto(z.int().min(2)).describe(
      "Resolutions of the network; auto as many as the patch can be halved to, as nnU-Net has it.",
    ),
    convsPerStage: count.describe("Convolutions of a resolution."),
    batch: orAuto(count).describe(
      "Patches of a step; auto as many as hold the voxels of two patches of patchVoxels. Either way as many as fit the memory (unless " +
        "patch and batch are both given), and at most a twentieth of all voxels of the data set, but two, as nnU-Net has it.",
    ),
    prior: z
      .enum(["uniform", "frequency"])
      .default("uniform")
      .describe(
        "What a network takes a voxel for before it has learned anything: each class as likely as the others, as nnU-Net's, or as often as " +
          "it is in the training cases, which finds small organs in far fewer steps.",
      ),
    iterations: count.describe("Steps of each U-Net's training."),
    optimizer: z
      .enum(["sgd", "adamw"])
      .describe(
        "sgd as nnU-Net trains, with Nesterov's momentum; adamw gets further in a few hundred steps when there are many classes.",
      ),
    learningRate: positive.describe("At the beginning; it falls to 0 by nnU-Net's polynomial."),
    momentum: decay.describe("Of sgd, Nesterov's."),
    weightDecay: weight.describe("How strongly weights are pulled to 0."),
    gradientClip: positive.describe("Largest norm of a step's gradient."),
    batchDice: orAuto(flag).describe(
      "Dice over a batch's patches together, for data of which a patch lacks most classes; false: patch by patch. auto is nnU-Net's: " +
        "together in 2D, and in 3D at a full resolution beside which it would train a low one.",
    ),
    foreground: share.describe(
      "Part of each batch whose patches are centred on a labelled voxel: rounded, and at least one patch unless it is 0.",
    ),
    overlap: positive.max(1).describe("When predicting: the sliding window's step as a part of the patch."),
    mirrorPrediction: flag.describe("When predicting: average over the views mirrored along augmentation.mirrorAxes."),
    averaging: decay.describe(
      "Decay of the moving average of the weights, which is what is kept; 0 keeps the last weights.",
    ),
    augmentation,
  })
  .describe("The U-Nets, whose predictions prompt the refiner.");

const adapters = z
  .strictObject({
    placements: z.array(z.enum(adapterPlacements)).min(1).describe("Where they stand."),
    ratio: positive.max(1).describe("Width of their bottleneck as a part of the channels."),
    rate: positive
      .default(1)
      .describe("How fast they learn beside learningRate; models trained before there was a choice have 1."),
  })
  .nullable()
  .describe("Small layers that are put into the network, and always learn; null for none.");

const parameterGroup = z.strictObject({ pattern: z.string(), rate: weight });

const promptSources = z
  .strictObject({
    outOfFold: weight.describe("Step 0's prediction by a U-Net that has not seen the case."),
    degradedTruth: weight.describe(
      "True labels made worse on purpose: shifted, scaled, bitten, confused, lost, swapped, with false blobs.",
    ),
    degradedPrediction: weight.describe("Step 0's prediction made worse in the same ways."),
    mask: weight
      .default(0)
      .describe(
        "The true masks as stage 1's answer, and stage 2 without prompts: how a mask that a person gives is followed to other slices. " +
          "Models trained before this source existed have none of it.",
      ),
    box: weight.describe("The true box, jittered, and nothing else."),
    clicks: weight.describe("Clicks into the true object (one to three) and nothing else."),
  })
  .refine((sources) => Object.values(sources).some((each) => each > 0), "at least one source above 0")
  .describe(
    "Where the prompts of a training sequence come from: how often, as parts of the sum; at least one is above 0.",
  );

const refiner = z
  .strictObject({
    enabled: flag.describe("false trains step 0 alone."),
    backbone: z.string().describe(`A named SAM 2 configuration: ${backboneNames.join(", ")}.`),
    weights: z
      .string()
      .nullable()
      .describe(
        "A file of official weights to start from; null starts from random weights and trains all of the network.",
      ),
    imageSize: count.describe("Side of the square pictures it sees, in pixels: a multiple of 32."),
    slices: z
      .enum(["adjacent", "repeat", "channels"])
      .describe(
        "What the three colours of a slice are: it and its neighbours, itself three times, or up to three channels of the case.",
      ),
    channel: natural.describe("Which channel of the case is shown, from 0; with channels the first."),
    axis: z
      .enum(["axial", "coronal", "sagittal", "fused"])
      .describe("How slices are cut; fused learns from all three and averages their answers when predicting."),
    generator: z
      .enum(["unet", "light-decoder", "learned-tokens"])
      .describe("What makes the prompts: step 0, or a part of the refiner itself."),
    adapters,
    groups: z
      .array(parameterGroup)
      .describe(
        "Which other parameters learn, and how fast beside learningRate (0 freezes them). The first group whose pattern (a regular " +
          "expression) finds a parameter's official name decides; what none finds is frozen.",
      ),
    calibration: z
      .enum(["none", "class", "convolution"])
      .describe(
        "How the classes of a stage are made comparable before the softmax: nothing, scale and bias a class, a 1×1 convolution.",
      ),
    sequence: count.describe("Consecutive slices of one training sample."),
    batch: count.describe("Sequences of a step."),
    iterations: count.describe("Steps of the training."),
    seedOffset: natural
      .default(0)
      .describe(
        "Draws the refiner's weights, cases and prompts anew and leaves step 0 as it is: what two such trainings differ by is chance.",
      ),
    learningRate: positive.describe("At its highest; from there it falls to 0 as a cosine."),
    warmup: share.describe("Part of the steps in which the learning rate rises to its highest."),
    weightDecay: weight.describe("How strongly weights are pulled to 0."),
    gradientClip: positive.describe("Largest norm of a step's gradient."),
    averaging: decay.describe(
      "Decay of the moving average of the weights, which is what is kept; 0 keeps the last weights.",
    ),
    checkpointing: flag.describe(
      "Compute the image encoder's blocks anew on the way back instead of keeping what is in them: far less memory for one more forward " +
        "pass of the encoder in every step.",
    ),
    losses: z
      .strictObject({
        focal: weight.describe("Focal loss of a mask."),
        dice: weight.describe("Dice loss of a mask."),
        iou: weight.describe("Error of the IoU that the network predicts of its mask."),
        presence: weight.describe("Whether the object is on the slice."),
        merged: weight.describe("Loss on the labels that the classes are merged to."),
      })
      .describe("Weights of the losses: SAM 2's own, and that on the merged labels."),
    promptSources,
    boxJitter: z
      .strictObject({
        deviation: share.describe("Standard deviation, as a part of the box's length."),
        limit: weight.describe("At most so many pixels of the picture."),
      })
      .describe("How far each side of a training prompt's box is moved at random."),
    noise: z
      .strictObject({
        share: share.describe("Part of the sequences that have noise."),
        deviation: weight.describe("Its largest standard deviation, as a part of the channel's window."),
      })
      .describe("Noise in the pictures."),
    prompts: z
      .strictObject({
        kind: z.enum(["maskAndBox", "mask", "box"]).describe("What of step 0's prediction is given."),
        minimumArea: z
          .int()
          .min(1)
          .describe("Smallest mask, in voxels of a slice, that counts as the class being there."),
        marginSlices: natural.describe("How many slices beyond the class's own are asked for as well."),
        bridgeSlices: natural
          .describe(
            "How many slices in a row, at most, are asked for with their neighbours' mask where the prediction has the class elsewhere or " +
              "nowhere and the slices on both sides agree; 0: none.",
          )
          .default(0),
        boxMargin: weight.describe(
          "How far a box reaches beyond the mask, in pixels of the picture: goes with imageSize.",
        ),
        perComponent: flag.describe(
          "Ask once for every connected component of a class on a slice instead of once for the class.",
        ),
      })
      .describe("How a slice of a prediction becomes a prompt."),
    memory: z
      .strictObject({
        confident: natural.describe("How many of the object's most confident slices."),
        neighbours: natural.describe("How many of the nearest slices, both sides together."),
      })
      .describe("Which other slices stage 2 attends to."),
    unprompted: share.describe(
      "How often an object's stage 2 sees no prompt but its memories while it learns: with stage 1's own mask as prompt at all times, " +
        "memories are never needed and stage 2 learns to repeat stage 1.",
    ),
  })
  .check(({ value: { enabled, backbone, imageSize }, issues }) => {
    // A name that is not known is told where the network is made.
    if (!enabled || !backboneNames.includes(backbone)) return;
    const { patchEmbed, qStride, qPool } = backboneConfig(backbone, 1024, null).imageEncoder.trunk;
    const multiple = patchEmbed.stride * qStride[0] ** qPool;
    if (imageSize % multiple === 0) return;
    issues.push({ code: "custom", path: ["imageSize"], message: `a multiple of ${multiple}`, input: imageSize });
  })
  .describe("The network that is prompted slice by slice: stages 1 and 2.");

const choice = z
  .strictObject({
    stages: flag.describe("Per class the stage that answers; false: always stage 2."),
    gate: flag.describe("Per class how far step 0 and the refiner may disagree before the refiner is believed."),
    largestComponent: flag.describe("Per class whether only the largest connected component stays."),
  })
  .describe("What is decided on the validation cases once everything is trained.");

export const trainingSchema = z.strictObject({
  folds: count.describe(
    "Step 0's cross-validation: so many U-Nets, each trained without its part of the cases, which give out-of-fold prompts for the " +
      "refiner and are averaged when predicting. 1 trains a single U-Net on everything (prompts then come from its own cases).",
  ),
  validation: share.describe("Part of the cases that the refiner never learns from; its choices are made on them."),
  prompting: z
    .enum(["outOfFold", "inFold"])
    .describe("inFold prompts by U-Nets that have seen the case, for the ablation; outOfFold is what works."),
  precision: z
    .enum(["float32", "bfloat16"])
    .describe("Arithmetic of convolutions and matrix products; the rest, and the weights, are float32."),
  memory: orAuto(positive).describe("GiB that training may take on its device; auto is nine tenths of what is free."),
  preprocessing,
  step0,
  refiner,
  choice,
  checkpointEvery: count.describe("Steps between two saved states."),
});

export type TrainingConfiguration = z.output<typeof trainingSchema>;
