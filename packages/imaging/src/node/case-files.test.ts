import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fc, test } from "@fast-check/vitest";
import { FileError, FormatError, GeometryError } from "@rfmedsam/base";
import { afterEach, beforeEach, describe, expect } from "vitest";
import { scalingAffine } from "../geometry.js";
import {
  caseNameOf,
  channelsInOrder,
  describeChannels,
  groupChannels,
  listFolder,
  readChannels,
  writeVolume,
} from "./index.js";

const caseNames = fc.stringMatching(/^[A-Za-z][A-Za-z0-9_-]{0,8}[A-Za-z]$/);

describe("file names of cases", () => {
  test.prop([fc.uniqueArray(caseNames, { maxLength: 5 }), fc.integer({ min: 1, max: 4 })])(
    "every case finds its channels again, whatever the order of the files",
    (ids, count) => {
      const files = ids.flatMap((id) =>
        Array.from({ length: count }, (_, channel) => `folder/${id}_${String(channel).padStart(4, "0")}.nii.gz`),
      );
      const grouped = groupChannels([...files].reverse());
      expect(new Set(grouped.keys())).toEqual(new Set(ids));
      expect(ids.flatMap((id) => channelsInOrder(grouped.get(id)!, count))).toEqual(files);
    },
  );

  test("what is not named so is left out", () => {
    expect(groupChannels(["a.nii.gz", "a_00.nii.gz", "a_0000.txt", "_0000.nii.gz"]).size).toBe(0);
  });

  test("a missing or surplus channel is noticed and told", () => {
    const channels = groupChannels(["a_0002.nii", "a_0000.nii"]).get("a")!;
    expect(channelsInOrder(channels, 2)).toBeUndefined();
    expect(channelsInOrder(channels, 3)).toBeUndefined();
    expect(describeChannels(channels)).toBe("2 channels (0000, 0002)");
  });

  test.each([
    ["in/ct.nii.gz", "ct"],
    ["in/ct.NII", "ct"],
    ["in/ct.img", "ct.img"],
    [".nii", ".nii"],
  ])("the name of %s is %s", (file, name) => expect(caseNameOf(file)).toBe(name));
});

describe("channels of a case", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "channels-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const grid = { shape: [2, 2, 3], affine: scalingAffine([2, 1, 1]) } as const;
  const write = async (name: string, data: Float32Array, affine = grid.affine) => {
    await writeVolume(join(folder, name), { ...grid, data, affine });
    return join(folder, name);
  };

  test("come in the order of their files", async () => {
    const files = [await write("b.nii", new Float32Array(12).fill(1)), await write("a.nii", new Float32Array(12))];
    expect((await readChannels(files)).map(({ data }) => data[0])).toEqual([1, 0]);
  });

  test("must be finite: the first voxel that is not is named", async () => {
    const file = await write(
      "nan.nii",
      Float32Array.from({ length: 12 }, (_, at) => (at === 10 ? Number.NaN : at)),
    );
    await expect(readChannels([file])).rejects.toThrow(FormatError);
    await expect(readChannels([file])).rejects.toThrow(/voxel \(1, 1, 1\) is NaN/);
  });

  test("must lie on one grid", async () => {
    const files = [
      await write("a.nii", new Float32Array(12)),
      await write("b.nii", new Float32Array(12), scalingAffine([3, 1, 1])),
    ];
    await expect(readChannels(files)).rejects.toThrow(GeometryError);
  });

  test("a folder's names come sorted, without hidden ones; a missing folder is a FileError", async () => {
    await mkdir(join(folder, "x"));
    for (const name of ["b", "a", ".hidden"]) await writeFile(join(folder, "x", name), "");
    expect(await listFolder(join(folder, "x"))).toEqual(["a", "b"]);
    await expect(listFolder(join(folder, "y"))).rejects.toThrow(FileError);
  });
});
