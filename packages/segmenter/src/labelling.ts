/**
 * From the scores of all stages to volumes on the input's grid: the final labels and, if wanted, what each stage alone says, every
 * class's probability and how uncertain it all is. Classes pass one after the other; each stage's scores of a class are made once,
 * and a class's probabilities are handed over before the next class comes.
 */
import { type CancelSignal, type Progress, silent } from "@rfmedsam/base";
import { type LabelVolume, type Volume, voxelCount } from "@rfmedsam/imaging";
import {
  answeringVolume,
  answersOf,
  joinAnswers,
  type OutputStage,
  type StageSwitch,
  scoresByName,
  stagesInUse,
} from "./answers.js";
import { breathe } from "./breathe.js";
import { withLargestComponents } from "./largest-component.js";
import { type ClassVolumes, meanScores, type StageName, stageNames } from "./merge.js";
import type { RestorePlan } from "./preprocessing.js";
import { LabelRestorer, restorePercent, restoreShares } from "./restore.js";

export interface LabellingInput {
  readonly stages: Readonly<Partial<Record<StageName, ClassVolumes>>>;
  /** Step 0's logits of a class: its own labels are the argmax of resampled logits, as nnU-Net's. */
  readonly step0Logits: (label: number) => Float32Array;
  /** Output stage per class, entry 0 ignored. */
  readonly choice: readonly OutputStage[];
  /** What comes from elsewhere in this case, by class. */
  readonly switches: ReadonlyMap<number, StageSwitch>;
  /** Classes of which only the largest component stays. */
  readonly largestComponent: readonly number[];
  /** Label value per class. */
  readonly values: readonly number[];
  readonly plan: RestorePlan;
  /** Whether every stage's own labels are wanted. */
  readonly stageLabels: boolean;
  /** Takes the probabilities of a class, in percent; the labelling goes on when it is done with them. */
  readonly probabilities?: ((label: number, percent: Volume<Uint8Array>) => Promise<void> | void) | undefined;
  /** Whether the uncertainty is wanted. */
  readonly uncertainty: boolean;
  readonly progress?: Progress;
  readonly signal?: CancelSignal | undefined;
}

export interface Labelling {
  readonly labels: LabelVolume;
  readonly stages: Readonly<Partial<Record<StageName, LabelVolume>>>;
  /** Entropy of the mean over all stages, as a part of the largest there can be: 0 certain, 1 no idea. */
  readonly uncertainty?: Volume<Float32Array>;
}

/** @throws ConfigError if a class's output stage is not among the stages */
export async function labelStages(input: LabellingInput): Promise<Labelling> {
  const { choice, switches, values, plan, stageLabels, probabilities, progress = silent, signal } = input;
  const names = stageNames.filter((name) => input.stages[name] !== undefined);
  const scores = Object.fromEntries(names.map((name) => [name, rememberingLast(input.stages[name]!)])) as Partial<
    Record<StageName, ClassVolumes>
  >;
  const answers = answersOf(scores, choice, switches);
  const scoresOf = scoresByName(scores);
  const inUse = stagesInUse(answers);
  // When every class comes from one stage, that stage's labels are the final ones.
  const only = inUse.length === 1 ? inUse[0] : undefined;
  const wanted = new Set([...(stageLabels ? names : []), ...inUse]);
  const restorers = new Map<OutputStage, LabelRestorer>();
  for (const name of wanted) {
    const kind = name === "step0" ? "logits" : "probabilities";
    restorers.set(name, new LabelRestorer(plan, only === undefined && inUse.includes(name) ? kind : undefined));
  }
  const entropy = input.uncertainty ? new EntropyOfMean(Object.values(scores)) : undefined;
  for (let label = 0; label < values.length; label++) {
    await breathe(signal);
    for (const [name, restorer] of restorers) {
      restorer.add(name === "step0" ? input.step0Logits(label) : scoresOf(name).volume(label));
    }
    if (probabilities !== undefined && label > 0) {
      await probabilities(label, restorePercent(answeringVolume(scoresOf, answers[label]!, label), plan, 0));
    }
    entropy?.add(label);
    progress({ stage: "merging classes", done: label + 1, total: values.length });
  }
  const labelsOf = (name: OutputStage) => restorers.get(name)!.finish(values);
  const labels =
    only === undefined
      ? joinAnswers(new Map(inUse.map((name) => [name, restorers.get(name)!])), answers, plan, values)
      : labelsOf(only);
  return {
    labels: withLargestComponents(
      labels,
      input.largestComponent.map((label) => values[label]!),
    ),
    stages: stageLabels ? Object.fromEntries(names.map((name) => [name, labelsOf(name)])) : {},
    ...(entropy && { uncertainty: restoreShares(entropy.finish(), plan, 0) }),
  };
}

/** −Σ p ln p / ln K over the classes, p the mean of several scores; one volume is held. */
class EntropyOfMean {
  readonly #mean: ClassVolumes;
  readonly #sum: Float32Array;

  constructor(members: readonly ClassVolumes[]) {
    this.#mean = meanScores(members);
    this.#sum = new Float32Array(voxelCount(this.#mean.shape));
  }

  add(label: number): void {
    const p = this.#mean.volume(label);
    for (let n = 0; n < p.length; n++) if (p[n]! > 0) this.#sum[n]! -= p[n]! * Math.log(p[n]!);
  }

  finish(): Float32Array {
    const most = Math.log(this.#mean.classes);
    return this.#sum.map((nats) => Math.min(1, Math.max(0, nats / most)));
  }
}

/** The same scores; the volume asked for last is not made again. */
function rememberingLast({ classes, shape, volume }: ClassVolumes): ClassVolumes {
  let last: { label: number; volume: Float32Array } | undefined;
  return {
    classes,
    shape,
    volume(label) {
      if (last?.label !== label) last = { label, volume: volume(label) };
      return last.volume;
    },
  };
}
