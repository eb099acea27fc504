/** The published data sets that can be brought into nnU-Net's layout. A new one is a file and its row. */
import { ConfigError } from "@rfmedsam/base";
import { nearestKey } from "@rfmedsam/segmenter";
import { amosCt, amosMr } from "./amos.js";
import { btcv } from "./btcv.js";
import type { DatasetKind } from "./kind.js";
import { msd } from "./msd.js";

export const datasetKinds = {
  msd,
  btcv,
  "amos22-ct": amosCt,
  "amos22-mr": amosMr,
} as const satisfies Readonly<Record<string, DatasetKind>>;

export type DatasetKindName = keyof typeof datasetKinds;

/** @throws ConfigError for a name that is not in the table */
export function datasetKindNamed(name: string): DatasetKind {
  if (Object.hasOwn(datasetKinds, name)) return datasetKinds[name as DatasetKindName];
  const known = Object.keys(datasetKinds);
  const nearest = nearestKey(name, known);
  throw new ConfigError({
    found: `the kind "${name}"`,
    expected: known.join(", "),
    hint: nearest === undefined ? undefined : `did you mean ${nearest}?`,
  });
}
