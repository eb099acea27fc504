/**
 * Which model a checkpoint is, by the names and shapes of its tensors alone.
 *
 * A checkpoint of SAM or SAM-Med2D may have been made for another image size than the official one; it shows in the position embedding,
 * and then everything else must fit the model at that size. SAM 2 and 2.1 of one size differ in a few tensors, so they are told apart.
 */
import { atImageSize, imageSizeIn, type ModelArchitecture, type TensorShapes, tensorsOf } from "./architecture.js";
import { type CatalogueEntry, catalogue } from "./entries.js";

/** How a checkpoint differs from a model. */
export interface Differences {
  /** Tensors of the model that the checkpoint lacks. */
  readonly missing: readonly string[];
  /** Tensors of the checkpoint that the model has no place for. */
  readonly unexpected: readonly string[];
  readonly reshaped: readonly {
    readonly name: string;
    readonly found: readonly number[];
    readonly expected: readonly number[];
  }[];
}

export type Identification =
  | {
      readonly kind: "exact";
      readonly entry: CatalogueEntry;
      /** At the checkpoint's own image size. */
      readonly architecture: ModelArchitecture;
    }
  | { readonly kind: "near"; readonly entry: CatalogueEntry; readonly differences: Differences }
  | { readonly kind: "none" };

/** A checkpoint with a smaller part of a model's names is no relative of it. */
const leastInCommon = 0.5;

/** @param tensors of the checkpoint @throws EngineError without the engine */
export function identify(tensors: TensorShapes): Identification {
  const official = catalogue.find((entry) => isSame(compare(tensors, shapesOf(entry))));
  if (official !== undefined) return { kind: "exact", entry: official, architecture: official.architecture };
  const compared = catalogue.map((entry) => ({ entry, ...fitting(tensors, entry) }));
  const resized = compared.find(({ differences }) => isSame(differences));
  if (resized !== undefined) return { kind: "exact", entry: resized.entry, architecture: resized.architecture };
  const [nearest] = compared.sort((a, b) => differenceCount(a.differences) - differenceCount(b.differences));
  const { entry, differences } = nearest!;
  const names = shapesOf(entry).size;
  return names - differences.missing.length < leastInCommon * names
    ? { kind: "none" }
    : { kind: "near", entry, differences };
}

/** An entry's architecture at the checkpoint's own image size, and how the checkpoint differs from it. */
export function fitting(
  tensors: TensorShapes,
  entry: CatalogueEntry,
): { readonly architecture: ModelArchitecture; readonly differences: Differences } {
  const imageSize = imageSizeIn(tensors, entry.architecture) ?? entry.imageSize;
  const architecture = imageSize === entry.imageSize ? entry.architecture : atImageSize(entry.architecture, imageSize);
  return { architecture, differences: compare(tensors, shapesOf(entry, architecture)) };
}

/** How tensors differ from those of a model. */
export function differencesFrom(tensors: TensorShapes, architecture: ModelArchitecture): Differences {
  return compare(tensors, tensorsOf(architecture).shapes);
}

export function isSame(differences: Differences): boolean {
  return differenceCount(differences) === 0;
}

const differenceCount = ({ missing, unexpected, reshaped }: Differences) =>
  missing.length + unexpected.length + reshaped.length;

function compare(tensors: TensorShapes, model: TensorShapes): Differences {
  const reshaped = [...model].flatMap(([name, { shape: expected }]) => {
    const found = tensors.get(name)?.shape;
    return found === undefined || sameShape(found, expected) ? [] : [{ name, found, expected }];
  });
  return {
    missing: [...model.keys()].filter((name) => !tensors.has(name)),
    unexpected: [...tensors.keys()].filter((name) => !model.has(name)),
    reshaped,
  };
}

const sameShape = (a: readonly number[], b: readonly number[]) =>
  a.length === b.length && a.every((extent, axis) => extent === b[axis]);

const known = new Map<string, TensorShapes>();

/** An official model's tensors, worked out once for each image size. */
function shapesOf({ name, architecture: own }: CatalogueEntry, architecture = own): TensorShapes {
  const key = `${name} ${architecture.config.imageSize}`;
  let shapes = known.get(key);
  if (shapes === undefined) {
    shapes = tensorsOf(architecture).shapes;
    known.set(key, shapes);
  }
  return shapes;
}

/** The first few differences in words. */
export function describeDifferences({ missing, unexpected, reshaped }: Differences, most = 3): string {
  const listed = (what: string, items: readonly string[]) => {
    if (items.length === 0) return [];
    const more = items.length > most ? `, … ${items.length - most} more` : "";
    return [`${what}: ${items.slice(0, most).join(", ")}${more}`];
  };
  return [
    ...listed("missing", missing),
    ...listed("unexpected", unexpected),
    ...listed(
      "of another shape",
      reshaped.map(
        ({ name, found, expected }) => `${name} is [${found.join(", ")}] instead of [${expected.join(", ")}]`,
      ),
    ),
  ].join("; ");
}
