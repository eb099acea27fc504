/** A model folder: what it labels, what it is made of, where it comes from. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readManifest } from "@rfmedsam/engine";
import { formatShape, formatSpacing } from "@rfmedsam/imaging";
import { renderText } from "@rfmedsam/metrics";
import { classTable, describeGateRule, type ModelManifest, stageInWords } from "@rfmedsam/segmenter";
import { formatBytes } from "../../ui/format.js";
import { rememberedTable } from "../validation-table.js";
import { type Description, listing } from "./description.js";

export async function describeModel(folder: string): Promise<Description> {
  const manifest = await readManifest(folder);
  const { step0, refiner, preprocessing, training } = manifest;
  const weights = [...(step0.kind === "unet" ? step0.folds : [step0.weights]), ...(refiner ? [refiner.weights] : [])];
  const sizes = await Promise.all(weights.map((name) => bytesOf(join(folder, name))));
  const sizeOf = (name: string) => {
    const size = sizes[weights.indexOf(name)];
    return size === undefined ? `${name} (missing)` : `${name} (${formatBytes(size)})`;
  };
  const table = rememberedTable(manifest);
  const text = [
    listing([
      ["channels", manifest.channelNames.join(", ")],
      [
        "labels",
        classTable(manifest)
          .map(({ name, value }) => `${value} ${name}`)
          .join(", "),
      ],
      ["spacing", preprocessing.spacing === null ? "each case's own" : formatSpacing(preprocessing.spacing)],
      [
        "step 0",
        step0.kind === "unet"
          ? `U-Net, patch ${formatShape(step0.patch)}, ${step0.folds.map(sizeOf).join(", ")}`
          : `${step0.generator} on the refiner's own image embedding, ${sizeOf(step0.weights)}`,
      ],
      [
        "refiner",
        refiner === undefined ? "none" : `SAM 2, ${refiner.slices} ${refiner.axis} slices, ${sizeOf(refiner.weights)}`,
      ],
      ...answers(manifest),
      ["trained on", `${training.dataset}, seed ${training.seed}`],
      [
        "made with",
        Object.entries(training.versions)
          .map(([name, version]) => `${name} ${version}`)
          .join(", "),
      ],
    ]),
    ...(table === undefined ? [] : ["\n", renderText(table)]),
  ].join("");
  const files = weights.map((name, at) => ({ name, bytes: sizes[at] ?? null }));
  return { text, data: { kind: "model", manifest, files } };
}

/** Which stage answers for each label, and what is done to its answer. */
function answers({ outputStages, gate, largestComponent }: ModelManifest): [string, string][] {
  const from = Object.entries(outputStages).map(([label, stage]) => `${label} from ${stageInWords(stage)}`);
  const rules = Object.entries(gate).map(([label, rule]) => `${label} from ${describeGateRule(rule)}`);
  const rows: [string, string][] = [
    ["answers", from.join(", ")],
    ["gate", rules.join("; ")],
    ["largest part", largestComponent.join(", ")],
  ];
  return rows.filter(([, text]) => text !== "");
}

async function bytesOf(file: string): Promise<number | undefined> {
  return (await stat(file).catch(() => undefined))?.size;
}
