/** A data set folder in nnU-Net's layout. */
import { readDataset } from "@rfmedsam/training";
import { type Description, listing } from "./description.js";

export async function describeDataset(folder: string): Promise<Description> {
  const { name, channelNames, labels, training } = await readDataset(folder);
  const text = listing([
    ["data set", name],
    ["channels", channelNames.join(", ")],
    [
      "labels",
      Object.entries(labels)
        .map(([label, value]) => `${value} ${label}`)
        .join(", "),
    ],
    ["cases", training.length],
  ]);
  return { text, data: { kind: "dataset", name, channelNames, labels, cases: training.map(({ id }) => id) } };
}
