/**
 * Prompts on the command line. Each stands for itself, whatever the order: what it says, and after `@` for which object.
 *
 *   --point x,y[,z][:1|:0][@OBJECT]       :0 is background; without it the point lies in the object
 *   --box   x0,y0,x1,y1[,slice][@OBJECT]  first and last column and row
 *   --mask  FILE[:slice][@OBJECT]         PNG, or NIfTI on a volume's grid
 *
 * Objects are numbered from 1, which is what a prompt without `@` is for. Numbers become labels in a volume's output.
 */
import type { BoxPrompt, PointPrompt } from "@rfmedsam/engine";
import { InvalidArgumentError } from "commander";

/** Labels of a volume are bytes. */
const mostObjects = 255;

/** For `--point`, which may be given several times. */
export function collectPoint(text: string, before: readonly PointPrompt[] = []): readonly PointPrompt[] {
  const { rest, object } = splitObject(text);
  const [, place = "", label = "1"] = /^([^:]*)(?::(.*))?$/s.exec(rest) ?? [];
  const at = numbersIn(place);
  if (at === undefined || (at.length !== 2 && at.length !== 3) || (label !== "0" && label !== "1")) {
    throw new InvalidArgumentError("Expected x,y or x,y,z, then :1 (object) or :0 (background), for example 120,84:1.");
  }
  return [...before, { object, at, label: label === "1" ? 1 : 0 }];
}

/** For `--box`. */
export function collectBox(text: string, before: readonly BoxPrompt[] = []): readonly BoxPrompt[] {
  const { rest, object } = splitObject(text);
  const numbers = numbersIn(rest);
  const [x0, y0, x1, y1, slice] = numbers ?? [];
  const corners = x0 !== undefined && y0 !== undefined && x1 !== undefined && y1 !== undefined;
  if (!corners || numbers!.length > 5 || (slice !== undefined && !isIndex(slice))) {
    throw new InvalidArgumentError(
      "Expected x0,y0,x1,y1, for a volume also the slice, for example 60,40,110,95 or 60,40,110,95,12.",
    );
  }
  return [...before, { object, box: [x0, y0, x1, y1], slice }];
}

/** A mask that is still in its file. */
export interface MaskFile {
  readonly object: number;
  readonly file: string;
  readonly slice: number | undefined;
}

/** For `--mask`. */
export function collectMask(text: string, before: readonly MaskFile[] = []): readonly MaskFile[] {
  const { rest, object } = splitObject(text);
  const [, file = "", slice] = /^(.*?)(?::(\d+))?$/s.exec(rest) ?? [];
  if (file === "")
    throw new InvalidArgumentError("Expected a file, for a volume then :slice, for example liver.png:12.");
  return [...before, { object, file, slice: slice === undefined ? undefined : Number(slice) }];
}

/** `low,high`: intensities that become black and white. */
export function intensityWindow(text: string): { readonly low: number; readonly high: number } {
  const [low, high, ...more] = numbersIn(text) ?? [];
  if (low !== undefined && high !== undefined && more.length === 0 && low < high) return { low, high };
  throw new InvalidArgumentError("Expected low,high with low below high, for example -160,240.");
}

function splitObject(text: string): { rest: string; object: number } {
  const at = text.lastIndexOf("@");
  const number = at < 0 ? "1" : text.slice(at + 1);
  // A file's name may have an @ of its own.
  if (!/^\d+$/.test(number)) {
    if (/^[^,]*[/.][^,]*$/.test(text)) return { rest: text, object: 1 };
    throw new InvalidArgumentError(`Expected the number of an object after @, not "${number}".`);
  }
  const object = Number(number);
  if (object < 1 || object > mostObjects) {
    throw new InvalidArgumentError(`Objects are numbered from 1 to ${mostObjects}.`);
  }
  return { rest: at < 0 ? text : text.slice(0, at), object };
}

/** Numbers with commas between them; undefined when one is none. */
function numbersIn(text: string): readonly number[] | undefined {
  const parts = text.split(",").map((part) => part.trim());
  const numbers = parts.map(Number);
  return parts.every((part, n) => part !== "" && Number.isFinite(numbers[n])) ? numbers : undefined;
}

const isIndex = (value: number) => Number.isInteger(value) && value >= 0;
