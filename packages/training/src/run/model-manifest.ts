/** `model.json` of a finished run. */
import { formatVersion, type ModelManifest } from "@rfmedsam/segmenter";
import type { ModelChoices, ValidationDice } from "../choice/choose.js";
import { refinerSettings } from "../choice/settings.js";
import { predictionMirrorAxes } from "../plan/plan.js";
import { version, versions } from "../version.js";
import type { TrainedRefiner } from "./refiner-run.js";
import { foldFile, generatorFile, type Run, refinerFile, usesUNets } from "./run.js";

export function manifestOf(
  run: Run,
  refined: TrainedRefiner | undefined,
  choices: ModelChoices,
  validation: readonly ValidationDice[],
): ModelManifest {
  const { dataset, configuration, seed, plan, classes } = run;
  const { outputStages, gate, largestComponent } = choices;
  return {
    formatVersion,
    rfmedsam: version,
    labels: { ...dataset.labels },
    channelNames: [...dataset.channelNames],
    preprocessing: plan.recipe,
    step0: step0Of(run),
    ...(refined && {
      refiner: {
        architecture: { ...refined.model.sam2.config },
        weights: refinerFile,
        ...refinerSettings(configuration.refiner, {
          stage1: refined.model.stage1.export(),
          stage2: refined.model.stage2.export(),
        }),
      },
    }),
    outputStages: { ...outputStages },
    gate: { ...gate },
    largestComponent: [...largestComponent],
    training: {
      dataset: dataset.name,
      seed,
      revision: versions().revision ?? "unknown",
      versions: versions(),
      configuration,
      validation: validation.map(({ case: id, class: label, dice }) => ({
        case: id,
        label: classes[label]!,
        ...Object.fromEntries(
          Object.entries(dice).map(([stage, value]) => [stage, Number.isFinite(value) ? value : null]),
        ),
      })),
    },
  };
}

function step0Of({ configuration, plan, division }: Run): ModelManifest["step0"] {
  if (!usesUNets(configuration))
    return { kind: "proposal", generator: configuration.refiner.generator, weights: generatorFile };
  return {
    kind: "unet",
    architecture: { ...plan.architecture },
    patch: [...plan.patch],
    folds: division.leftOut.map((_, fold) => foldFile(fold)),
    mirrorAxes: predictionMirrorAxes(configuration.step0),
    overlap: configuration.step0.overlap,
  };
}
