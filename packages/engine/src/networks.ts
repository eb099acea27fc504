/** Networks from the architecture records and weight files of a model folder. */
import { ConfigError } from "@rfmedsam/base";
import {
  PlainConvUNet,
  type PromptGenerator,
  type PromptGeneratorName,
  parseUNetArchitecture,
  promptGeneratorNamed,
  promptGeneratorNames,
  Sam2,
  sam2Config,
} from "@rfmedsam/models";
import { type Device, type Module, readSafetensors, type Tensor } from "@rfmedsam/torch";

type ArchitectureRecord = Readonly<Record<string, unknown>>;

/** A trained U-Net, ready to predict. @param file its weights @throws CheckpointError, ConfigError */
export async function loadUNet(architecture: ArchitectureRecord, file: string, device: Device): Promise<PlainConvUNet> {
  const network = new PlainConvUNet(parseUNetArchitecture(architecture, file));
  return fill(network, file, device);
}

/** A trained SAM 2, ready to predict. */
export async function loadSam2(config: ArchitectureRecord, file: string, device: Device): Promise<Sam2> {
  return fill(new Sam2(sam2Config(config, { file })), file, device);
}

/**
 * What proposes prompts on a trained SAM 2's embeddings.
 *
 * @param classes background included
 * @throws CheckpointError, ConfigError for a name that is none
 */
export async function loadGenerator(
  name: string,
  sam2: Sam2,
  classes: number,
  file: string,
  device: Device,
): Promise<PromptGenerator> {
  if (!isGenerator(name)) {
    throw new ConfigError({
      file,
      found: `a step 0 of the unknown kind ${JSON.stringify(name)}`,
      expected: promptGeneratorNames.join(" or "),
      hint: "update rfmedsam, or train the model again",
    });
  }
  return fill(promptGeneratorNamed(name, sam2, classes), file, device);
}

const isGenerator = (name: string): name is PromptGeneratorName =>
  (promptGeneratorNames as readonly string[]).includes(name);

async function fill<T extends Module>(network: T, file: string, device: Device): Promise<T> {
  let state: ReadonlyMap<string, Tensor> = new Map();
  try {
    state = await readSafetensors(file);
    network.loadStateDict(state, { file });
    network.to({ device }).eval();
    return network;
  } catch (error) {
    network.free();
    throw error;
  } finally {
    for (const tensor of state.values()) tensor.free();
  }
}
