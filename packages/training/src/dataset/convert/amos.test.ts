import { readdir, writeFile } from "node:fs/promises";
import { publishedSplits } from "@rfmedsam/metrics/node";
import { describe, expect, test } from "vitest";
import { readDataset } from "../nnunet.js";
import { conversionFolder, layAmos } from "../testing/downloads.js";
import { convertDataset } from "./convert.js";

const { at, refused } = conversionFolder();

describe("AMOS22", () => {
  const parts = { Tr: ["0001", "0410", "0500", "0507"], Va: ["0008", "0501"], Ts: ["0002", "0561"] };

  test.each([
    ["amos22-ct", "CT", ["amos_0001", "amos_0410", "amos_0500"], ["amos_0008"], ["amos_0002"]],
    ["amos22-mr", "MRI", ["amos_0507"], ["amos_0501"], ["amos_0561"]],
  ])("%s takes its scans by number, and AMOS' own validation cases", async (kind, channel, train, val, tests) => {
    await layAmos(at("amos22"), parts);
    await writeFile(at("amos22/imagesTr/._amos_0001.nii.gz"), "Mac OS X");
    const { notes } = await convertDataset(kind, at(), at("out"));
    const dataset = await readDataset(at("out"));
    expect(dataset.channelNames).toEqual([channel]);
    expect(dataset.training.map(({ id }) => id)).toEqual([...train, ...val].sort());
    expect(await publishedSplits(at("out"))).toEqual([{ train, val }]);
    expect((await readdir(at("out/imagesTs"))).map((name) => name.slice(0, 9))).toEqual(tests);
    expect(dataset.labels).toMatchObject({
      spleen: 1,
      aorta: 8,
      "inferior vena cava": 9,
      duodenum: 13,
      "prostate or uterus": 15,
    });
    expect(notes.join()).toMatch(/training scans; \d+ are published/);
  });

  test("scans that its dataset.json lists must be there", async () => {
    await layAmos(at("amos22"), parts);
    const list = (part: string, numbers: string[]) =>
      numbers.map((n) => ({ image: `./images${part}/amos_${n}.nii.gz`, label: `./labels${part}/amos_${n}.nii.gz` }));
    const json = (more: object) =>
      writeFile(at("amos22/dataset.json"), JSON.stringify({ training: list("Tr", ["0001", "0077"]), ...more }));
    await json({});
    expect((await refused("amos22-ct", at("amos22"))).file).toBe(at("amos22/imagesTr/amos_0077.nii.gz"));
    await expect(convertDataset("amos22-mr", at("amos22"), at("mr"))).resolves.toMatchObject({ name: "AMOS22 MR" });
    await json({ labels: { 0: "background", 1: "spleen" } });
    expect((await refused("amos22-ct", at("amos22"))).message).toMatch(/2 labels.*15 organs/s);
  });

  test("a copy without scans of the modality is refused", async () => {
    await layAmos(at("amos22"), { Tr: ["0001"], Va: [], Ts: [] });
    expect((await refused("amos22-mr", at("amos22"))).message).toMatch(/no MR scans.*above 500/s);
  });
});
