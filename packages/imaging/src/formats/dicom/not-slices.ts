/** Images that a scanner stores beside its slices and that form no volume: saved screens, survey pictures, colour pictures. */
import { FormatError } from "@rfmedsam/base";
import type { ImageHeader } from "./image-header.js";

const secondaryCapture = "1.2.840.10008.5.1.4.1.1.7";

/**
 * The files of a series without saved screens, which are told about in `warnings`.
 *
 * @throws FormatError in a radiographer's words if nothing in the series is a slice of a scan
 */
export function withoutScreens(
  headers: readonly ImageHeader[],
  where: string,
  warnings: string[],
): readonly ImageHeader[] {
  const count = headers.reduce((sum, { frames }) => sum + frames.length, 0);
  const localizers = headers.filter(({ imageType }) => imageType.includes("LOCALIZER"));
  const screens = headers.filter(isScreen);
  const colour = headers.filter(({ layout }) => layout.samplesPerPixel > 1);
  const found =
    localizers.length === headers.length
      ? `only survey pictures (localizer, scout), ${count} of them`
      : screens.length === headers.length
        ? `only saved screens (${kinds(screens)})`
        : colour.length === headers.length
          ? `only colour pictures, ${count} of them`
          : undefined;
  if (found === undefined) {
    if (screens.length === 0) return headers;
    warnings.push(`${screens.length} of the images are saved screens (${kinds(screens)}) and were left out.`);
    return headers.filter((header) => !screens.includes(header));
  }
  const { seriesDescription } = headers[0]!.attributes;
  throw new FormatError({
    file: where,
    found: `${seriesDescription === undefined ? "the series" : `the series "${seriesDescription}"`} holds ${found}`,
    expected: "a stack of slices of the scan",
    hint: "choose the series with the axial, coronal or sagittal slices themselves",
  });
}

/** Saved screens have no place in the patient; research tools that write slices as "secondary captures" give them one each. */
function isScreen({ sopClass, imageType, frames, layout }: ImageHeader): boolean {
  if (sopClass !== secondaryCapture && !sopClass?.startsWith(`${secondaryCapture}.`)) return false;
  const survey = imageType.some((kind) => /SURVIEW|SCOUT|LOCALIZER|SCREEN/.test(kind));
  return survey || layout.samplesPerPixel > 1 || frames.some(({ position }) => position === undefined);
}

/** The screens' own names for themselves: `REF_SURVIEW` → `ref surview`. */
function kinds(screens: readonly ImageHeader[]): string {
  const words = screens.map(({ imageType }) => imageType[2]?.toLowerCase().replaceAll("_", " ") ?? "");
  return [...new Set(words.filter((word) => word !== ""))].join(", ") || `${screens.length} pictures`;
}
