/** What is prompted, before any weights are loaded: mistakes in the arguments answer at once. */
import { open, stat } from "node:fs/promises";
import { ConfigError } from "@rfmedsam/base";
import { fileErrorOf } from "@rfmedsam/base/node";
import { isPicture, type MaskPicture } from "@rfmedsam/imaging";
import { readMask } from "@rfmedsam/imaging/node";
import type { MaskFile } from "../../options/prompts.js";
import type { PromptOptions } from "../prompt.js";

/** By content; a folder is a DICOM series. @throws ConfigError when nothing is asked, or what only a volume has is asked of a picture; FileError */
export async function kindOfInput(input: string, options: PromptOptions): Promise<"picture" | "volume"> {
  const { point = [], box = [], mask = [] } = options;
  if (point.length + box.length + mask.length === 0) {
    throw new ConfigError({
      found: "nothing to segment was pointed at",
      expected: "at least one --point, --box or --mask",
      hint: "`rfmedsam everything` segments a picture without prompts",
    });
  }
  const kind = (await startsAsPicture(input)) ? "picture" : "volume";
  const { axis, window, slice, mm, propagate, series } = options;
  const given = { axis, window, slice, mm: mm || undefined, "no-propagate": propagate ? undefined : true, series };
  const [forVolumes] = Object.entries(given).flatMap(([name, value]) => (value === undefined ? [] : [name]));
  if (kind === "picture" && forVolumes !== undefined) {
    throw new ConfigError({ file: input, found: `--${forVolumes} with a picture`, expected: "a volume for it" });
  }
  return kind;
}

async function startsAsPicture(path: string): Promise<boolean> {
  try {
    if ((await stat(path)).isDirectory()) return false;
    const handle = await open(path, "r");
    try {
      const bytes = new Uint8Array(16);
      await handle.read(bytes, 0, 16, 0);
      return isPicture(bytes);
    } finally {
      await handle.close();
    }
  } catch (cause) {
    throw fileErrorOf(cause, path, "check the path");
  }
}

export interface GivenMask extends Omit<MaskFile, "file"> {
  readonly mask: MaskPicture;
}

/** The masks out of their files. */
export function readMasks(files: readonly MaskFile[] = []): Promise<GivenMask[]> {
  return Promise.all(files.map(async ({ file, ...rest }) => ({ ...rest, mask: await readMask(file) })));
}
