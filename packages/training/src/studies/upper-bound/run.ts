/**
 * The upper bound: how well a refiner does when the truth prompts it. Prompts are made per label and slice, and propagated through the volume
 * as SAM 2 does; every kind of prompt × conditioning strategy × direction is a row. Beside them the truth in step 0's place, through the
 * model's own stages.
 */
import { resolve } from "node:path";
import { type CancelSignal, ConfigError, type Progress, silent } from "@rfmedsam/base";
import { openModel, openPromptable } from "@rfmedsam/engine";
import { axesOf, type RefinerNetwork, type Segmenter } from "@rfmedsam/segmenter";
import { type Device, measurePeak } from "@rfmedsam/torch";
import { type LoadedCase, loadCase } from "../../dataset/load.js";
import type { Dataset } from "../../dataset/nnunet.js";
import { assertFits, type CaseChoice, noteLearnedCases, studyCases } from "../common/cases.js";
import { chooseRows } from "../common/choose-rows.js";
import { foreground, type Measurement, scoreLabels } from "../common/measurements.js";
import { type StudyResult, writeStudy } from "../common/report.js";
import { StudyFolder } from "../common/study-folder.js";
import { contentOfModel, contentOfWeights } from "../common/weights-content.js";
import { CaseView, officialView, type RefinerView } from "./case-view.js";
import { armOf, ObjectOfCase, type Way, waysOfPrompt } from "./follow.js";
import { KeptEmbeddings } from "./kept-embeddings.js";
import { type TruePrompt, truePromptNames } from "./prompts.js";
import { upperBoundStudy } from "./result.js";
import { directionNames, isFollowed, isStrategy, type StrategyName, strategyNames } from "./strategies.js";
import { measureThroughStages, truthAsStep0 } from "./through-stages.js";

export interface UpperBoundOptions extends CaseChoice {
  /** In nnU-Net's layout. */
  readonly dataset: string;
  /** A model folder with a refiner, or a file of SAM 2's weights: one of the two. */
  readonly model?: string | undefined;
  readonly weights?: string | undefined;
  /** Of `weights`; side of the input in pixels. */
  readonly imageSize?: number | undefined;
  readonly output: string;
  /** All unless given. */
  readonly prompts?: readonly string[] | undefined;
  readonly strategies?: readonly string[] | undefined;
  readonly directions?: readonly string[] | undefined;
  readonly device?: Device | "auto" | undefined;
  readonly progress?: Progress | undefined;
  readonly signal?: CancelSignal | undefined;
}

/**
 * @throws ConfigError for rows there are not, for both or neither of model and weights, a model without a refiner, weights without memory,
 *   labels that differ from the model's, and an output folder of another study; as `openModel`, `openPromptable` and `studyCases`;
 *   InterruptedError, after which the same call goes on
 */
export async function runUpperBound(options: UpperBoundOptions): Promise<StudyResult> {
  const { progress = silent, signal } = options;
  const kinds = chooseRows("kind of prompt", promptKinds, options.prompts);
  const ways = waysOf(kinds, options);
  const { dataset, cases, facts: ofCases } = await studyCases(options.dataset, options);
  using opened = await openRefiner(options, dataset);
  const { view, network, segmenter, identity, device } = opened;
  const learned = options.model === undefined ? [] : await noteLearnedCases(options.model, cases, options.onNote);
  const folder = await StudyFolder.open(
    options.output,
    {
      study: "upper-bound",
      ...identity,
      dataset: resolve(options.dataset),
    },
    { dataset, onNote: options.onNote },
  );
  const labels = foreground(dataset.labels);
  const values = labels.map((name) => dataset.labels[name]!);
  const measurements: Measurement[] = [];
  for (const prompt of new Set(ways.map((way) => way.prompt))) {
    const own = ways.filter((way) => way.prompt === prompt);
    // A part of the study is a file a case: other strategies or directions are other files.
    const part = [prompt, ...new Set(own.map(({ strategy }) => strategy)), ...new Set(own.map((way) => way.direction))];
    const measure = async (files: (typeof cases)[number], ownProgress: Progress) =>
      measureCase(await loadCase(files, dataset.labels), {
        ways: own,
        view,
        network,
        device,
        values,
        labels: dataset.labels,
        progress: ownProgress,
        signal,
      });
    measurements.push(
      ...(await folder.measureCases(part.join("-"), cases, measure, { progress, signal, shown: prompt })),
    );
  }
  const through = segmenter !== undefined && kinds.includes(truthAsStep0);
  if (through) {
    const measure = async (files: (typeof cases)[number], own: Progress) =>
      measureThroughStages(segmenter, await loadCase(files, dataset.labels), { device, progress: own, signal });
    measurements.push(...(await folder.measureCases(truthAsStep0, cases, measure, { progress, signal })));
  }
  const measured = { labels, cases: cases.map(({ id }) => id), measurements };
  const facts = [...Object.entries(opened.facts), ["data set", dataset.name] as const];
  return writeStudy(
    options.output,
    upperBoundStudy(measured, ways, through, [
      ...facts.map(([name, value]) => ({ name, value })),
      ...ofCases,
      ...learned,
    ]),
  );
}

const promptKinds = [...truePromptNames, truthAsStep0] as const;
type PromptKind = (typeof promptKinds)[number];

function waysOf(kinds: readonly PromptKind[], { strategies, directions }: UpperBoundOptions): Way[] {
  const followedKinds = kinds.filter((kind): kind is TruePrompt => kind !== truthAsStep0);
  if (followedKinds.length === 0 && (strategies ?? directions) !== undefined) {
    throw new ConfigError({
      found: `strategies or directions, with ${truthAsStep0} as the only prompts`,
      expected: "other prompts beside it, or neither",
      hint: `${truthAsStep0} is asked as the model asks, on every slice it thinks right`,
    });
  }
  const slices = chooseRows<StrategyName>("strategy", strategyNames, strategies, isStrategy);
  if (directions !== undefined && !slices.some(isFollowed)) {
    throw new ConfigError({
      found: `directions, with ${slices.join(", ")} as the only strategy`,
      expected: "other strategies beside it, or no directions",
      hint: "what is prompted on every slice is not followed",
    });
  }
  const followed = chooseRows("direction", directionNames, directions);
  return followedKinds.flatMap((prompt) => waysOfPrompt(prompt, slices, followed));
}

interface OpenRefiner {
  readonly network: RefinerNetwork;
  /** All of a model; weights alone have no stages. */
  readonly segmenter?: Segmenter;
  readonly view: RefinerView;
  readonly device: Device;
  /** What makes a study another one. */
  readonly identity: Readonly<Record<string, unknown>>;
  readonly facts: Readonly<Record<string, string>>;
  [Symbol.dispose](): void;
}

async function openRefiner(options: UpperBoundOptions, dataset: Dataset): Promise<OpenRefiner> {
  const { model, weights } = options;
  if (model !== undefined && weights === undefined) return openOfModel(model, options, dataset);
  if (weights !== undefined && model === undefined) return openOfWeights(weights, options, dataset);
  throw new ConfigError({
    found: model === undefined ? "neither a model nor weights" : "both a model and weights",
    expected: "a model folder (--model), or a file of SAM 2's weights (--weights)",
  });
}

async function openOfModel(
  folder: string,
  { device, imageSize }: UpperBoundOptions,
  dataset: Dataset,
): Promise<OpenRefiner> {
  if (imageSize !== undefined) {
    throw new ConfigError({
      found: `an image size of ${imageSize} for a model folder`,
      expected: "none: the model was trained at its own",
    });
  }
  const model = await openModel(folder, { device });
  try {
    const { manifest, segmenter } = model;
    const network = segmenter.networks.refiner;
    if (manifest.refiner === undefined || network === undefined) {
      throw new ConfigError({
        file: folder,
        found: "a model without a refiner",
        expected: "one whose SAM 2 can be prompted",
        hint: "train with refiner.enabled=true, or give --weights",
      });
    }
    assertFits(dataset, manifest);
    const { slices, channel } = manifest.refiner;
    const axis = axesOf(manifest.refiner)[0]!;
    return {
      network,
      segmenter,
      view: { preprocessing: manifest.preprocessing, slices, channel, axis, imageSize: network.imageSize },
      identity: { model: resolve(folder), manifest, "content of the weights": await contentOfModel(folder) },
      device: model.device,
      facts: { model: resolve(folder), slices: `${axis}, ${slices}`, device: String(model.device) },
      [Symbol.dispose]: () => model.free(),
    };
  } catch (cause) {
    model.free();
    throw cause;
  }
}

async function openOfWeights(
  file: string,
  { device, imageSize, prompts }: UpperBoundOptions,
  { channelNames }: Dataset,
): Promise<OpenRefiner> {
  const content = await contentOfWeights(file);
  const opened = await openPromptable(file, { device, imageSize });
  const { tracker, name, family, device: chosen } = opened;
  if (prompts?.includes(truthAsStep0)) {
    opened.free();
    throw new ConfigError({
      found: `prompts ${truthAsStep0} for a file of weights`,
      expected: `a model folder: ${truthAsStep0} puts the truth in the place of its step 0`,
    });
  }
  if (tracker === undefined) {
    opened.free();
    throw new ConfigError({
      file,
      found: `weights of ${name ?? family}, which knows no memory`,
      expected: "weights of SAM 2 or 2.1: prompts are propagated through the volume",
    });
  }
  return {
    network: tracker,
    device: chosen,
    view: officialView(channelNames.length, opened.imageSize),
    identity: {
      weights: resolve(file),
      imageSize: opened.imageSize,
      "content of the weights": content,
    },
    facts: {
      weights: `${resolve(file)} (${name ?? family} at ${opened.imageSize} pixels)`,
      slices: "axial, repeat, windowed from percentile 0.5 to 99.5",
      device: String(chosen),
    },
    [Symbol.dispose]: () => opened.free(),
  };
}

interface Bench {
  readonly ways: readonly Way[];
  readonly view: RefinerView;
  readonly network: RefinerNetwork;
  readonly device: Device;
  /** Of the objects. */
  readonly values: readonly number[];
  readonly labels: Readonly<Record<string, number>>;
  readonly progress: Progress;
  readonly signal: CancelSignal | undefined;
}

async function measureCase(
  loaded: LoadedCase,
  { ways, view, network, device, values, labels, progress, signal }: Bench,
): Promise<Measurement[]> {
  const shown = new CaseView(loaded, view);
  using embeddings = new KeptEmbeddings(network, shown.slices, device, network.room?.()?.embeddings);
  const objects = new Map(values.map((value) => [value, new ObjectOfCase(embeddings, shown.truthOf(value), signal)]));
  const measurements: Measurement[] = [];
  for (const [at, way] of ways.entries()) {
    const peak = measurePeak(device);
    const { result, seconds } = await embeddings.timed(() =>
      shown.labelsOf(values, (value, take) => objects.get(value)!.follow(way, take)),
    );
    const memory = peak();
    measurements.push({
      arm: armOf(way),
      case: loaded.id,
      scores: scoreLabels(result, loaded.labels, labels),
      seconds,
      memory,
    });
    progress({ stage: armOf(way), done: at + 1, total: ways.length });
  }
  return measurements;
}
