/** Which model a file of weights belongs to: by what it states, else by its tensors. */
import { CheckpointError, ConfigError } from "@rfmedsam/base";
import {
  type CatalogueEntry,
  catalogue,
  contradictionIn,
  type Differences,
  describeDifferences,
  differencesFrom,
  fitting,
  identify,
  isSame,
  type ModelArchitecture,
  officialArchitecture,
  officialModel,
  parseArchitecture,
  type TensorShapes,
} from "@rfmedsam/models";
import type { CheckpointSummary } from "@rfmedsam/torch";

/** The key of a safetensors file's metadata that says, as JSON `{ family, config }`, what its weights belong to. */
export const architectureKey = "rfmedsam.architecture";
/** The key of the official model's name. */
export const modelKey = "rfmedsam.model";

/** Which model weights belong to. */
export type WeightsModel =
  /** An official model, or (without a name) a configuration that the file states. */
  | { readonly kind: "exact"; readonly name: string | undefined; readonly architecture: ModelArchitecture }
  /** No model exactly: what differs from the nearest one, or (without a name) from what the file states. */
  | { readonly kind: "near"; readonly name: string | undefined; readonly differences: Differences }
  | { readonly kind: "none" };

type Contents = Pick<CheckpointSummary, "tensors" | "metadata">;

/** @throws CheckpointError when the file states something that is no model */
export function modelOf(file: string, { tensors, metadata }: Contents): WeightsModel {
  const stated = statedArchitecture(file, metadata, tensors);
  if (stated !== undefined) {
    const differences = differencesFrom(tensors, stated);
    return isSame(differences)
      ? { kind: "exact", name: officialArchitecture(stated)?.name, architecture: stated }
      : { kind: "near", name: undefined, differences };
  }
  const found = identify(tensors);
  if (found.kind === "exact") return { kind: "exact", name: found.entry.name, architecture: found.architecture };
  return found.kind === "near" ? { kind: "near", name: found.entry.name, differences: found.differences } : found;
}

/** What can be built and filled. */
export interface RecognisedModel {
  /** The official name; undefined for a configuration of one's own. */
  readonly name: string | undefined;
  readonly architecture: ModelArchitecture;
  /** Tensors of the file that the model has no place for. */
  readonly leavesOut?: ((name: string) => boolean) | undefined;
}

/**
 * @param wanted the official model it must be
 * @throws CheckpointError when it is none, or another one than wanted
 */
export function recogniseModel(file: string, contents: Contents, wanted?: CatalogueEntry): RecognisedModel {
  if (wanted !== undefined) return asWanted(file, contents.tensors, wanted);
  const model = modelOf(file, contents);
  if (model.kind === "exact") return model;
  throw new CheckpointError({ file, ...misfit(model, contents.tensors) });
}

function misfit(model: Exclude<WeightsModel, { kind: "exact" }>, tensors: TensorShapes) {
  if (model.kind === "near" && model.name === undefined) {
    return {
      found: `weights that do not fit what the file itself says they are (${describeDifferences(model.differences)})`,
      hint: "the file was changed after it was written: write it anew",
    };
  }
  const [first = "none"] = tensors.keys();
  return {
    found:
      model.kind === "near"
        ? `weights near ${model.name}, but not the same (${describeDifferences(model.differences)})`
        : `weights of no SAM (${tensors.size} tensors, the first is ${first})`,
    expected: "a model that `rfmedsam models` lists, or weights that say what they belong to",
    hint: "a model of one's own opens when `saveWeights` wrote its file, which notes the configuration",
  };
}

/** @throws ConfigError that lists the models there are */
export function namedModel(name: string): CatalogueEntry {
  const entry = officialModel(name);
  if (entry !== undefined) return entry;
  throw new ConfigError({
    file: "--model",
    found: `no model "${name}"`,
    expected: `one of ${catalogue.map((each) => each.name).join(", ")}`,
  });
}

function asWanted(file: string, tensors: TensorShapes, wanted: CatalogueEntry): RecognisedModel {
  const { name, leavesOut = () => false } = wanted;
  const kept = new Map([...tensors].filter(([each]) => !leavesOut(each)));
  const { architecture, differences } = fitting(kept, wanted);
  if (isSame(differences)) return { name, architecture, leavesOut };
  const found = identify(tensors);
  const other = found.kind === "exact" ? found.entry.name : undefined;
  throw new CheckpointError({
    file,
    found: other === undefined ? `the weights do not fit (${describeDifferences(differences)})` : `this is ${other}`,
    expected: name,
    hint: other && "leave the model's name out: it is recognised by itself",
  });
}

/**
 * What a file says it is. A network that cannot have the file's tensors is not believed, nor built.
 *
 * @throws CheckpointError when it says something that is none
 */
function statedArchitecture(
  file: string,
  metadata: Readonly<Record<string, string>>,
  tensors: TensorShapes,
): ModelArchitecture | undefined {
  const text = metadata[architectureKey];
  if (text === undefined) return undefined;
  let stated: ModelArchitecture;
  try {
    stated = parseArchitecture(JSON.parse(text), { file });
  } catch (cause) {
    throw noModel(file, cause instanceof ConfigError ? cause.found : "no JSON", cause);
  }
  const impossible = contradictionIn(stated, tensors);
  if (impossible !== undefined) throw noModel(file, impossible);
  return stated;
}

function noModel(file: string, why: string, cause?: unknown): CheckpointError {
  return new CheckpointError({
    file,
    found: `metadata "${architectureKey}" that describes no model (${why})`,
    expected: "JSON: { family, config }, as `saveWeights` writes it",
    cause,
  });
}
