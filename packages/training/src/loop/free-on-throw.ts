/** What work on a network gives; the network is freed where it throws, as nobody else has it then. */
export async function freeOnThrow<T>(network: { free(): void }, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    network.free();
    throw error;
  }
}
