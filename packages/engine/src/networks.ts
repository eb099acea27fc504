/** Networks from the architecture records and weight files of a model folder. */
import { PlainConvUNet, parseUNetArchitecture, Sam2, sam2Config } from "@rfmedsam/models";
import { type Device, readSafetensors } from "@rfmedsam/torch";

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

async function fill<T extends PlainConvUNet | Sam2>(network: T, file: string, device: Device): Promise<T> {
  const state = await readSafetensors(file);
  network.loadStateDict(state, { file });
  for (const tensor of state.values()) tensor.free();
  network.to({ device }).eval();
  return network;
}
