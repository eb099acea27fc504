/** `first-use NAME FILE THREADS`: loads an official model, encodes one picture, answers one click in its middle. Prints {@link FirstUse}. */
import { EngineError } from "@rfmedsam/base";
import { peakMemory } from "@rfmedsam/base/node";
import { noGrad, scope, setNumThreads } from "@rfmedsam/torch";
import { load, picture } from "../works/checkpoints.js";
import { clickIn, officialNameOf } from "../works/official.js";

export interface FirstUse {
  readonly loadSeconds: number;
  readonly encodeSeconds: number;
  readonly clickSeconds: number;
  /** Of the whole process. */
  readonly peakBytes: number;
}

const [name = "", file = "", threads = "1"] = process.argv.slice(2);
setNumThreads(Number(threads));
const start = performance.now();
const model = await load({ model: officialNameOf(name) }, file);
const loaded = performance.now();
const result = noGrad(() =>
  scope(() => {
    const encoded = model.encode(picture(model.imageSize));
    const ready = performance.now();
    const answers = encoded.click(clickIn(model.imageSize));
    const answered = performance.now();
    if (!answers.every((answer) => answer.isfinite().float().mean().item() === 1)) {
      throw new EngineError({ found: `${name} answered with what is no number`, expected: "finite masks and scores" });
    }
    return { encodeSeconds: (ready - loaded) / 1000, clickSeconds: (answered - ready) / 1000 };
  }),
);
const answer: FirstUse = { loadSeconds: (loaded - start) / 1000, ...result, peakBytes: peakMemory() };
console.log(JSON.stringify(answer));
