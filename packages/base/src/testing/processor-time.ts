/**
 * For tests that something takes little time. Processor time does not grow when others use the machine, too; what waits for ever is left to
 * the test's own time limit.
 */

/** @returns a clock: milliseconds of processor time this process has taken, in all threads, since the call */
export function processorClock(): () => number {
  const start = process.cpuUsage();
  return () => {
    const { user, system } = process.cpuUsage(start);
    return (user + system) / 1000;
  };
}
