/**
 * A task of the Medical Segmentation Decathlon (Antonelli et al. 2022), or any folder in its layout: dataset.json names channels
 * (`modality`), labels and files. Several channels lie in one 4D file; macOS' `._…` files lie between the others.
 */
import { readdir } from "node:fs/promises";
import { basename, isAbsolute, join, normalize, sep } from "node:path";
import { DatasetError } from "@rfmedsam/base";
import { caseNameOf } from "@rfmedsam/imaging/node";
import { parseWithSchema } from "@rfmedsam/segmenter";
import * as z from "zod";
import { orderedLabels, readJson } from "../nnunet.js";
import { type DatasetKind, isFolder, notThere, type SourceCase } from "./kind.js";

const description = z.looseObject({
  name: z.string().default("MSD"),
  description: z.string().default(""),
  modality: z.record(z.string(), z.string()),
  labels: z.record(z.string(), z.string()),
  training: z.array(z.looseObject({ image: z.string(), label: z.string() })),
  test: z.array(z.union([z.string(), z.looseObject({ image: z.string() })])).default([]),
});

export const msd: DatasetKind = {
  title: "a task of the Medical Segmentation Decathlon",
  layout:
    "TaskXX_Name/dataset.json (modality, labels, training), imagesTr/CASE.nii.gz (4D for several channels), labelsTr/CASE.nii.gz, imagesTs",
  obtain: "http://medicaldecathlon.com",
  licence: "CC BY-SA 4.0",
  async plan(source, kind) {
    const names = (await isFolder(source)) ? await readdir(source) : [];
    if (!names.includes("dataset.json")) throw await notThere(source, "no dataset.json in it", kind);
    const file = join(source, "dataset.json");
    const {
      name,
      description: about,
      modality,
      labels,
      training,
      test,
    } = parseWithSchema(description, await readJson(file), {
      file,
      hint: `the layout is ${kind.layout}`,
    });
    const inside = (path: string) => insideOf(source, path, file);
    const cases = training
      .filter(({ image }) => !isJunk(image))
      .map((each) => ({
        id: caseNameOf(each.image),
        images: [inside(each.image)],
        labels: inside(each.label),
      }));
    const tests = test
      .map((each) => (typeof each === "string" ? each : each.image))
      .filter((image) => !isJunk(image))
      .map((image) => ({ id: caseNameOf(image), images: [inside(image)], labels: undefined }));
    refuseTwice([...cases, ...tests], file);
    return {
      name,
      description: about,
      channelNames: Object.keys(modality)
        .sort((a, b) => Number(a) - Number(b))
        .map((index) => modality[index]!),
      labels: namesToValues(labels, file),
      training: cases,
      test: tests,
      split: undefined,
      notes: await unlisted(source, cases),
    };
  },
};

const isJunk = (path: string) => basename(path).startsWith(".");

/** `{"0": "background", "1": "organ"}` the other way round. What 0 is called is not asked: it is the background. */
function namesToValues(labels: Readonly<Record<string, string>>, file: string): Record<string, number> {
  const named = Object.entries(labels).map(
    ([value, name]) => [value === "0" ? "background" : name, Number(value)] as const,
  );
  if (new Set(named.map(([name]) => name)).size < named.length) {
    throw new DatasetError({ file, found: `labels ${JSON.stringify(labels)}`, expected: "a name of its own for each" });
  }
  return orderedLabels(Object.fromEntries(named), file);
}

/** The file a list names. @throws DatasetError when it is outside the folder: a list from the internet must not copy other files */
function insideOf(source: string, path: string, file: string): string {
  const local = normalize(path);
  if (!isAbsolute(local) && local !== ".." && !local.startsWith(`..${sep}`)) return join(source, local);
  throw new DatasetError({ file, found: `the file ${path}`, expected: "files inside the data set's folder" });
}

function refuseTwice(cases: readonly SourceCase[], file: string): void {
  const seen = new Set<string>();
  for (const { id } of cases) {
    if (seen.has(id)) throw new DatasetError({ file, found: `the case ${id} twice`, expected: "every case once" });
    seen.add(id);
  }
}

async function unlisted(source: string, cases: readonly SourceCase[]): Promise<string[]> {
  const listed = new Set(cases.flatMap(({ images }) => images));
  const folder = join(source, "imagesTr");
  const names = (await isFolder(folder)) ? await readdir(folder) : [];
  const left = names.filter((name) => !isJunk(name) && !listed.has(join(folder, name)));
  if (left.length === 0) return [];
  return [
    `${left.length} files of imagesTr that dataset.json does not list are left out (${left.sort()[0]}${left.length > 1 ? ", …" : ""})`,
  ];
}
