/** DICOM segmentation objects: single bits, fractions and label maps, made of frames that lie anywhere. */
import { joinBytes } from "@rfmedsam/base";
import { readDicomSeg, writeDicomSeg } from "@rfmedsam/imaging";
import { ctElements, dicomFile, type TestElement } from "../../../packages/imaging/src/testing/dicom-files.js";
import type { Target } from "../target.js";
import { checkVolume } from "./checks.js";

const [slices, rows, columns] = [2, 3, 5];
const names = ["liver", "spleen"];
const word = (tag: string, value: number): TestElement => [tag, "US", [value]];
const position = (slice: number): TestElement => ["00200032", "DS", `0\\0\\${2 * slice}`];
const orientation: TestElement = ["00200037", "DS", "1\\0\\0\\0\\1\\0"];
const spacing: TestElement[] = [
  ["00280030", "DS", "1\\1"],
  ["00180050", "DS", "2"],
];

/** Of our own writer, with all that it refers to. */
function ownFile(): Uint8Array {
  const affine = [-1, 0, 0, 0, 0, -1, 0, 0, 0, 0, 2, 0, 0, 0, 0, 1] as const;
  const grid = { shape: [slices, rows, columns] as const, affine };
  const data = Uint8Array.from({ length: slices * rows * columns }, (_, at) => at % 3);
  const series = {
    studyUid: "1.2.3",
    seriesUid: "1.2.3.4",
    frameOfReferenceUid: "1.2.3.5",
    rows,
    columns,
    pixelSpacing: [1, 1] as const,
    sliceThickness: undefined,
    attributes: {},
    slices: Array.from({ length: slices }, (_, n) => ({
      file: `${n}.dcm`,
      sopClassUid: "1.2.840.10008.5.1.4.1.1.2",
      sopInstanceUid: `1.2.3.4.${n + 1}`,
      frame: 1,
      frames: 1,
      imagePosition: [0, 0, 2 * n] as const,
      imageOrientation: [
        [1, 0, 0],
        [0, 1, 0],
      ] as const,
    })),
  };
  const segments = { [names[0]!]: 1, [names[1]!]: 2 };
  return joinBytes(writeDicomSeg({ ...grid, data }, segments, { volume: grid, series }).parts);
}

/** Of eight bits a pixel: shares with a frame for each segment of each slice, or numbers with a frame for each slice. */
function eightBits(type: "FRACTIONAL" | "LABELMAP"): Uint8Array {
  const perSegment = type === "FRACTIONAL";
  const frames = Array.from({ length: slices }, (_, slice) =>
    (perSegment ? names : [undefined]).map((_name, n): TestElement[] => [
      ["00209113", "SQ", [[position(slice)]]],
      ...(perSegment ? [["0062000a", "SQ", [[word("0062000b", n + 1)]]] as const] : []),
    ]),
  ).flat();
  const largest = perSegment ? 200 : names.length;
  const pixels = Uint8Array.from({ length: frames.length * rows * columns }, (_, at) => (67 * at) % (largest + 1));
  const storage = `1.2.840.10008.5.1.4.1.1.66.${perSegment ? 4 : 7}`;
  const replaced = new Set(["00200032", "00200037", "00280030", "00180050"]);
  const replacing = {
    sopClass: ["00080016", "UI", storage],
    modality: ["00080060", "CS", "SEG"],
    bitsAllocated: word("00280100", 8),
    bitsStored: word("00280101", 8),
    highBit: word("00280102", 7),
    representation: word("00280103", 0),
    pixels: ["7fe00010", "OW", pixels],
  } as const;
  return dicomFile([
    ...ctElements({ rows, columns, other: replacing }).filter(([tag]) => !replaced.has(tag)),
    ["00280008", "IS", String(frames.length)],
    ["00620001", "CS", type],
    ["00620002", "SQ", names.map((name, n) => [word("00620004", n + 1), ["00620005", "LO", name]] as const)],
    ...(perSegment ? ([word("0062000e", 200), ["00620010", "CS", "PROBABILITY"]] as const) : []),
    [
      "52009229",
      "SQ",
      [
        [
          ["00209116", "SQ", [[orientation]]],
          ["00289110", "SQ", [spacing]],
        ],
      ],
    ],
    ["52009230", "SQ", frames],
  ]);
}

const tags = [
  ...["00620001", "00620002", "00620004", "0062000a", "0062000b", "0062000e", "00280008", "00280010", "00280100"],
  ...["00280120", "52009229", "52009230", "00209113", "00209116", "00200032", "00200037", "00280030", "7fe00010"],
].map((tag) => Uint8Array.from([2, 0, 6, 4].map((at) => Number.parseInt(tag.slice(at, at + 2), 16))));

export const dicomSegTarget: Target = {
  name: "dicom-seg",
  seeds: () => [ownFile(), eightBits("FRACTIONAL"), eightBits("LABELMAP")],
  tokens: [
    ...tags,
    "BINARY",
    "FRACTIONAL",
    "LABELMAP",
    "OCCUPANCY ",
    "SEG ",
    "1.2.840.10008.5.1.4.1.1.66.7",
    "\\",
    "1e9",
  ],
  // Frames may lie far apart: holes are filled up to 2^27 voxels whatever the size of the file.
  memory: () => 500e6,
  async parse(bytes) {
    const seg = await readDicomSeg(bytes);
    checkVolume(seg.labels().volume);
    const [depth, height, width] = seg.grid.shape;
    if (depth * height * width > 2 ** 20) return;
    for (const { number } of seg.segments.slice(0, 3)) {
      checkVolume(seg.mask(number));
      checkVolume(seg.fractions(number));
    }
  },
};
