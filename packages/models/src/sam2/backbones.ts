/** The SAM 2 configurations a training configuration may name. */
import { ConfigError } from "@rfmedsam/base";
import type { AdapterConfig } from "../adapters/options.js";
import { type Sam2Config, sam2Config } from "./config.js";
import { officialSam2Configs, smallSam2Config } from "./official-configs.js";

/** Small configurations of this project beside the official ones. */
const ownConfigs: Readonly<Record<string, (imageSize: number) => Sam2Config>> = {
  "rfmedsam-small": (imageSize) => smallSam2Config(imageSize),
};

/** Names a training configuration may give as backbone. */
export const backboneNames: readonly string[] = [...Object.keys(ownConfigs), ...Object.keys(officialSam2Configs)];

/**
 * A named SAM 2 configuration at an image size.
 *
 * @param adapters where adapters stand and how wide they are; null for none
 * @throws ConfigError for an unknown name, for sizes that do not fit
 */
export function backboneConfig(name: string, imageSize: number, adapters: AdapterConfig | null): Sam2Config {
  const own = ownConfigs[name];
  const official = officialSam2Configs[name as keyof typeof officialSam2Configs] as Sam2Config | undefined;
  if (own === undefined && official === undefined) {
    throw new ConfigError({ found: `the backbone "${name}"`, expected: `one of ${backboneNames.join(", ")}` });
  }
  const base = own?.(imageSize) ?? official;
  return sam2Config({ ...base, imageSize, ...(adapters && { adapters }) });
}
