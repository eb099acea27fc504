/** What a stopped command that does several steps says: the steps themselves tell how the command of their own name goes on. */
import { InterruptedError } from "@rfmedsam/base";

export const goOn = "run the same command again to go on from here";

/** For `catch`: throws what it is given, an InterruptedError with `goOn` as its hint. */
export function sayHowToGoOn(error: unknown): never {
  throw error instanceof InterruptedError ? new InterruptedError({ found: error.found, hint: goOn }) : error;
}
