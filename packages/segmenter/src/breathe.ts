/** Between two steps of long work: lets timers and signal handlers run, then stops if asked to. */
import { type CancelSignal, throwIfCancelled } from "@rfmedsam/base";

/**
 * Without it an engine that answers at once would keep the event loop in promises only, and Ctrl-C or a server's other requests
 * would never be heard.
 *
 * @throws InterruptedError if the signal was raised
 */
export async function breathe(signal: CancelSignal | undefined): Promise<void> {
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  throwIfCancelled(signal);
}
