/** `save-model NAME FILE`: an official model with random weights, saved in the official layout as safetensors. Prints {@link Saved}. */
import { writeSafetensors } from "@rfmedsam/torch";
import { drawn, officialModel, officialNameOf } from "../works/official.js";

export interface Saved {
  readonly parameters: number;
}

const [name = "", file = ""] = process.argv.slice(2);
const network = drawn(() => officialModel(officialNameOf(name)).network);
await writeSafetensors(file, network.stateDict());
console.log(JSON.stringify({ parameters: network.parameterCount() } satisfies Saved));
