/**
 * Which stage answers for a class, and the final labels made of their answers.
 *
 * Every class comes from the stage that validates best for it, unless the gate (gate.ts) says otherwise for a case or some of its slices.
 * A voxel gets a class where that class's own stage labels it so; so what validation measured of a stage is what it gives here. Two
 * stages may each claim a voxel for a class of theirs: the surer one gets it. Where none does, though all of them see something, the
 * surest stage's class is taken, so that no seams open between neighbours that come from different stages.
 */
import { ConfigError } from "@rfmedsam/base";
import { type LabelVolume, voxelCount } from "@rfmedsam/imaging";
import { type ClassVolumes, meanScores, type StageName } from "./merge.js";
import type { RestorePlan } from "./preprocessing.js";
import { type LabelRestorer, pasteAndTurn } from "./restore.js";

/** Where a class's final label comes from; `mean` is the average of all stages there are. */
export type OutputStage = StageName | "mean";

/** Where a class comes from instead of its output stage. */
export interface StageSwitch {
  readonly to: OutputStage;
  /** First and last slices along `axis` of the prepared grid; without it everywhere. */
  readonly slices?: SliceRuns;
}

interface SliceRuns {
  readonly axis: 0 | 1 | 2;
  readonly runs: readonly (readonly [first: number, last: number])[];
}

/** What answers for a class: a stage, and on some slices perhaps another. */
export interface Answer {
  readonly stage: OutputStage;
  readonly elsewhere?: SliceRuns & { readonly stage: OutputStage };
}

export type StageScores = Readonly<Partial<Record<StageName, ClassVolumes>>>;

/**
 * @param choice output stage per class, entry 0 (background) ignored
 * @param switches what comes from elsewhere in this case, by class
 * @returns one entry a class, the background's never asked for
 * @throws ConfigError if a chosen stage was not run
 */
export function answersOf(
  stages: StageScores,
  choice: readonly OutputStage[],
  switches: ReadonlyMap<number, StageSwitch> = new Map(),
): Answer[] {
  const names = Object.keys(stages) as StageName[];
  const run = (label: number, name: OutputStage): OutputStage => {
    // The mean of a single stage is that stage.
    if (name === "mean" && names.length > 0) return names.length === 1 ? names[0]! : "mean";
    if (name !== "mean" && stages[name] !== undefined) return name;
    throw new ConfigError({
      found: `class ${label} comes from ${name}, which was not run`,
      expected: "a stage that was run",
    });
  };
  return choice.map((own, label) => {
    if (label === 0) return { stage: own };
    const other = switches.get(label);
    if (other === undefined) return { stage: run(label, own) };
    if (other.slices === undefined) return { stage: run(label, other.to) };
    return { stage: run(label, own), elsewhere: { ...other.slices, stage: run(label, other.to) } };
  });
}

/** The stages that answer for any class. */
export function stagesInUse(answers: readonly Answer[]): OutputStage[] {
  return [
    ...new Set(answers.slice(1).flatMap(({ stage, elsewhere }) => [stage, ...(elsewhere ? [elsewhere.stage] : [])])),
  ];
}

/** A class's probabilities `[z, y, x]` from what answers for it; of different classes they need not sum to 1. */
export function answeringVolume(
  scoresOf: (stage: OutputStage) => ClassVolumes,
  { stage, elsewhere }: Answer,
  label: number,
): Float32Array {
  const own = scoresOf(stage).volume(label);
  if (elsewhere === undefined) return own;
  const { shape } = scoresOf(stage);
  const other = scoresOf(elsewhere.stage).volume(label);
  const there = onSlices(elsewhere, shape[elsewhere.axis]);
  const stride = strideOf(shape, elsewhere.axis);
  return own.map((value, n) => (there[Math.floor(n / stride) % there.length] === 1 ? other[n]! : value));
}

/** Scores of a stage by name. */
export function scoresByName(stages: StageScores): (stage: OutputStage) => ClassVolumes {
  const mean = meanScores(Object.values(stages));
  return (stage) => (stage === "mean" ? mean : stages[stage]!);
}

/**
 * The final labels on the input's grid.
 *
 * @param restored what each stage in use says there, with margins
 * @param values label value of every class
 */
export function joinAnswers(
  restored: ReadonlyMap<OutputStage, LabelRestorer>,
  answers: readonly Answer[],
  plan: RestorePlan,
  values: readonly number[],
): LabelVolume {
  const sources = [...restored.values()];
  const { shape, newShape } = plan.change;
  const axis = answers.find(({ elsewhere }) => elsewhere)?.elsewhere?.axis ?? 0;
  const [depth, stride] = [shape[axis], strideOf(shape, axis)];
  const owners = ownersBySlice([...restored.keys()], answers, depth, newShape[axis]);
  const winners = sources.map((source) => source.winners);
  const surer = (one: number, other: number, voxel: number) =>
    other < 0 || sources[one]!.margin(voxel) > sources[other]!.margin(voxel) ? one : other;
  const joined = new Uint8Array(voxelCount(shape));
  for (let n = 0; n < joined.length; n++) {
    let owner = -1;
    let other = -1;
    let everySees = true;
    for (let index = 0; index < winners.length; index++) {
      const label = winners[index]![n]!;
      if (label === 0) everySees = false;
      else if (owners[label * depth + (Math.floor(n / stride) % depth)] === index) owner = surer(index, owner, n);
      else other = surer(index, other, n);
    }
    const from = owner < 0 && everySees ? other : owner;
    if (from >= 0) joined[n] = values[winners[from]![n]!]!;
  }
  return pasteAndTurn(joined, plan, 0);
}

/** Which stage, by number, answers for class `k` on slice `i` of the input's grid: element `k × depth + i`. */
function ownersBySlice(
  stages: readonly OutputStage[],
  answers: readonly Answer[],
  depth: number,
  preparedDepth: number,
): Uint8Array {
  const owners = new Uint8Array(answers.length * depth);
  for (const [label, { stage, elsewhere }] of answers.entries()) {
    const own = owners.subarray(label * depth, (label + 1) * depth).fill(stages.indexOf(stage));
    if (elsewhere === undefined) continue;
    const there = onSlices(elsewhere, preparedDepth);
    const other = stages.indexOf(elsewhere.stage);
    for (let slice = 0; slice < depth; slice++) {
      // The prepared slice whose centre is nearest.
      const nearest = Math.floor(((slice + 0.5) * preparedDepth) / depth);
      if (there[nearest] === 1) own[slice] = other;
    }
  }
  return owners;
}

function onSlices({ runs }: SliceRuns, count: number): Uint8Array {
  const there = new Uint8Array(count);
  for (const [first, last] of runs) there.fill(1, first, last + 1);
  return there;
}

const strideOf = ([, height, width]: readonly number[], axis: 0 | 1 | 2) => [height! * width!, width!, 1][axis]!;
