/** DICOM from disk: a file alone, then as one slice of a series whose other two are sound. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { deflateRawSync } from "node:zlib";
import { joinBytes, RfmedsamError } from "@rfmedsam/base";
import { readDicom } from "@rfmedsam/imaging/node";
import {
  ctElements,
  ctFile,
  dicomFile,
  encode,
  packedFrames,
  rleFrame,
  type TestElement,
} from "../../../packages/imaging/src/testing/dicom-files.js";
import type { Target } from "../target.js";
import { checkVolume, soundAfterwards } from "./checks.js";

const uid = (last: string) => `1.2.840.10008.1.2${last}`;

/** 8×8 pixels by transfer syntax and bits, packed by DCMTK, CharLS and OpenJPEG. */
const packed: readonly (readonly [syntax: string, bits: number, base64: string])[] = [
  [
    uid(".4.70"),
    16,
    "/9j/4AAQSkZJRgABAQAAAQABAAD/wwALEAAIAAgBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAABgkQ/9oACAEBAAEAAMlSpUqVKlpQlSpUqVKlpQlSpUqVKlpQlSpUqVKlpQlSpUqVKlpQlSpUqVKlpQlSpUqVKlpQlSpUqVKl/9k=",
  ],
  [
    uid(".4.57"),
    8,
    "/9j/4AAQSkZJRgABAQAAAQABAAD/wwALCAAIAAgBAREA/8QAFgABAQEAAAAAAAAAAAAAAAAAAgUI/9oACAEBAAEAAM/tttuw2227DbbbsNttuw2227DbbbsNttuw222//9k=",
  ],
  [
    uid(".4.50"),
    8,
    "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAMCAgMCAgMDAwMEAwMEBQgFBQQEBQoHBwYIDAoMDAsKCwsNDhIQDQ4RDgsLEBYQERMUFRUVDA8XGBYUGBIUFRT/wAALCAAIAAgBAREA/8QAFAABAAAAAAAAAAAAAAAAAAAAB//EABkQAAEFAAAAAAAAAAAAAAAAAAAFCCQyov/aAAgBAQAAPwAmRGSVgYP//9k=",
  ],
  [
    uid(".4.80"),
    16,
    "/9j/9wALEAAIAAgBAREA//gADQH//wASAEMBFABA/9oACAEBAAAAAKJMSYkxHkWQ6DlCJUSJGkShUCJWUJ9PJ1OLa0iRk6ysK6sqqiRsmU1JRUE9PSIkqctWrFixQkkVq1SpUqUBI1KlSpUKE+D/2Q==",
  ],
  [uid(".4.81"), 8, "/9j/9wALCAAIAAgBAREA/9oACAEBAAAAAJV6+0ACMm0mAAlVoe/yz/Kv4o/k38D/2Q=="],
  [
    uid(".4.90"),
    16,
    "/0//UQApAAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABDwEB/1IADAACAAEAAQQEAAH/XAAHQICIiJD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAABEAAH/k9/4kPgSC9NfS5Mzho/J6JL84eXhKx0/PYiPx/cQNuqOMit/wAPqBYA/MGAiGghdjwN/3VGeWf/Z",
  ],
  [
    uid(".4.91"),
    8,
    "/0//UQApAAAAAAAIAAAACAAAAAAAAAAAAAAACAAAAAgAAAAAAAAAAAABBwEB/1IADAACAAEAAQQEAAH/XAAHQEBISFD/ZAAlAAFDcmVhdGVkIGJ5IE9wZW5KUEVHIHZlcnNpb24gMi41LjT/kAAKAAAAAAAvAAH/k9+AkBIPP10ci5P6dyr+sktdBpOnX8A6HB84MCIYfwN+l//Z",
  ],
];

function packedFile([syntax, bits, base64]: (typeof packed)[number]): Uint8Array {
  const word = (tag: string, value: number): TestElement => [tag, "US", [value]];
  const other = {
    bitsAllocated: word("00280100", bits),
    bitsStored: word("00280101", bits),
    highBit: word("00280102", bits - 1),
    representation: word("00280103", 0),
    pixels: ["7fe00010", "OB", packedFrames([Buffer.from(base64, "base64")])],
  } as const;
  return ctFile({ rows: 8, columns: 8, other }, syntax);
}

/** A multi-frame file: what all frames share, and where each lies. */
function multiFrame(): Uint8Array {
  const frames = 3;
  const shared: TestElement[] = [
    ["00209116", "SQ", [[["00200037", "DS", "1\\0\\0\\0\\1\\0"]]]],
    [
      "00289110",
      "SQ",
      [
        [
          ["00280030", "DS", "0.8\\0.9"],
          ["00180050", "DS", "2"],
        ],
      ],
    ],
    [
      "00289145",
      "SQ",
      [
        [
          ["00281052", "DS", "-1024"],
          ["00281053", "DS", "2"],
        ],
      ],
    ],
  ];
  const own = (frame: number): TestElement[] => [
    ["00209113", "SQ", [[["00200032", "DS", `0\\0\\${2 * frame}`]]]],
    ["00209111", "SQ", [[["00209057", "US", [frame]]]]],
  ];
  const samples = Int16Array.from({ length: frames * 12 }, (_, at) => 7 * at);
  const left = ["00200032", "00200037", "00280030", "00180050", "7fe00010"];
  return dicomFile([
    ...ctElements({ other: { sopClass: ["00080016", "UI", "1.2.840.10008.5.1.4.1.1.2.1"] } }).filter(
      ([tag]) => !left.includes(tag),
    ),
    ["00280008", "IS", String(frames)],
    ["52009229", "SQ", [shared]],
    ["52009230", "SQ", Array.from({ length: frames }, (_, frame) => own(frame))],
    ["7fe00010", "OW", new Uint8Array(samples.buffer)],
  ]);
}

const meta = (syntax: string) => joinBytes([prefix, encode([["00020010", "UI", syntax]])]);
const prefix = Uint8Array.from({ length: 132 }, (_, at) => "DICM".charCodeAt(at - 128) || 0);

/** The elements of a CT image with lengths of 32 bits and without value representations, or in big-endian order. */
function plain(bigEndian: boolean): Uint8Array {
  const parts = encodeEach(ctElements()).map(({ tag, vr, value }) => {
    const long = vr === "OW";
    const header = Buffer.alloc(bigEndian && long ? 12 : 8);
    if (!bigEndian) {
      header.writeUInt16LE(tag >>> 16, 0);
      header.writeUInt16LE(tag & 0xffff, 2);
      header.writeUInt32LE(value.length, 4);
      return joinBytes([header, value]);
    }
    header.writeUInt32BE(tag >>> 0, 0);
    header.write(vr, 4, "latin1");
    if (long) header.writeUInt32BE(value.length, 8);
    else header.writeUInt16BE(value.length, 6);
    return joinBytes([header, vr === "US" || long ? Buffer.from(value).swap16() : value]);
  });
  return joinBytes(parts);
}

/** Tag, representation and bytes of elements, taken from their explicit little-endian form. */
function encodeEach(elements: readonly TestElement[]) {
  return elements
    .map((element) => {
      const [tag, vr] = element;
      const value = encode([element]).subarray(vr === "OW" ? 12 : 8);
      return { tag: Number.parseInt(tag, 16), vr, value };
    })
    .sort((a, b) => a.tag - b.tag);
}

const samples = Int16Array.from({ length: 12 }, (_, at) => 100 + at);

const seeds = (): Uint8Array[] => [
  ctFile({ instance: 2, position: [0, 0, 2] }),
  ctFile({
    other: {
      rescale: ["00281053", "DS", "0.5"],
      intercept: ["00281052", "DS", "-1024"],
      window: ["00281050", "DS", "40"],
      width: ["00281051", "DS", "400"],
      photometric: ["00280004", "CS", "MONOCHROME1"],
      characters: ["00080005", "CS", "ISO_IR 100"],
      unknown: ["00291010", "UN", Uint8Array.of(1, 2)],
      wide: ["00291020", "UV", new Uint8Array(8)],
      item: ["00081140", "SQ", [[["00081150", "UI", "1.2"]], []]],
    },
  }),
  multiFrame(),
  ctFile({ other: { pixels: ["7fe00010", "OB", packedFrames([rleFrame(samples)])] } }, uid(".5")),
  ...packed.map(packedFile),
  encode(ctElements()),
  joinBytes([meta(uid("")), plain(false)]),
  joinBytes([meta(uid(".2")), plain(true)]),
  joinBytes([meta(uid(".1.99")), deflateRawSync(encode(ctElements()), { level: 0 })]),
];

const tagTokens = [
  "00280002",
  "00280004",
  "00280008",
  "00280010",
  "00280100",
  "00280103",
  "00281053",
  "00283000",
  "52009229",
]
  .concat([
    "52009230",
    "00209113",
    "00200032",
    "00200037",
    "7fe00008",
    "7fe00009",
    "7fe00010",
    "fffee000",
    "fffee00d",
    "fffee0dd",
  ])
  .map((tag) => Uint8Array.from([2, 0, 6, 4].map((at) => Number.parseInt(tag.slice(at, at + 2), 16))));

const dicomTokens = [
  ...tagTokens,
  ...[
    "DICM",
    "SQ\0\0\u00ff\u00ff\u00ff\u00ff",
    "OB\0\0",
    "OW\0\0\u00ff\u00ff\u00ff\u00ff",
    "UN\0\0",
    "US\u0002\0",
    "DS",
    "IS",
    "UI",
    "\u00ff\u00ff\u00ff\u00ff",
  ],
  ...[
    "1.2.840.10008.1.2",
    ".4.50",
    ".4.70",
    ".4.80",
    ".4.90",
    ".5\0",
    ".1.99",
    "MONOCHROME1",
    "RGB ",
    "PALETTE COLOR ",
    "ISO_IR 192",
    "ISO 2022 IR 87",
    "\\",
    "99999 ",
  ],
  ...[
    "\u00ff\u00d8",
    "\u00ff\u00d9",
    "\u00ff\u00c3\0\u000b",
    "\u00ff\u00f7\0\u000b",
    "\u00ff\u00da",
    "\u00ff\u00c4",
    "\u00ff\u004f\u00ff\u0051",
    "\u00ff\u0090",
    "\u00ff\u0093",
    "\u00ff\u0052",
  ],
];

/** The slices before and behind the first seed. */
const neighbours = [1, 3].map((instance) => ctFile({ instance, position: [0, 0, 2 * (instance - 1)] }));

export const dicomTarget: Target = {
  name: "dicom",
  seeds,
  tokens: dicomTokens,
  // A packed frame may stand for 65 536 pixels a byte, of two bytes, which the decoder and the volume hold.
  memory: () => 500e6,
  parse: (bytes, scratch) => soundAfterwards(readAsSlice(bytes, scratch), () => readSound(scratch)),
};

async function readAsSlice(bytes: Uint8Array, scratch: string): Promise<void> {
  const paths = [bytes, ...neighbours].map((content, index) => {
    const path = join(scratch, `slice${index}`);
    writeFileSync(path, content);
    return path;
  });
  checkVolume((await readDicom(paths.slice(0, 1))).volume);
  try {
    checkVolume((await readDicom(paths)).volume);
  } catch (error) {
    // By itself it was right; that it is no slice of this series may be said, too.
    if (!(error instanceof RfmedsamError && error.fault === "user")) throw error;
  }
}

async function readSound(scratch: string): Promise<void> {
  const path = join(scratch, "sound");
  for (const file of packed.map(packedFile)) {
    writeFileSync(path, file);
    await readDicom([path]);
  }
}
