/** What every command gets beside its own arguments. */
import type { Ui } from "./ui/ui.js";

/** The options that stand before or after any command. */
export interface GlobalOptions {
  /** `auto`, `cpu`, `cuda`, `cuda:1` … */
  readonly device: string;
  /** Threads of one operator on the CPU. */
  readonly threads: number;
  readonly seed: number;
  readonly json: boolean;
  readonly debug: boolean;
}

export interface Context {
  readonly ui: Ui;
  /** Raised by Ctrl-C. */
  readonly signal: AbortSignal;
  readonly options: GlobalOptions;
  /** What the process ends with when nothing is thrown. */
  exitCode: number;
}

/** The context once the command line has been read. */
export type ContextOf = () => Context;

/** Loads the engine (half a second, so only where it is needed) and gives it its threads. @throws EngineError when it is not built */
export async function startEngine({ options }: Context): Promise<typeof import("@rfmedsam/torch")> {
  const engine = await import("@rfmedsam/torch");
  engine.setNumThreads(options.threads);
  return engine;
}
