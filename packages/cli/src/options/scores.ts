/** Which scores `rfmedsam evaluate` computes. */
import { defaultMetrics, type MetricName, metrics, parseMetricNames } from "@rfmedsam/metrics";

/**
 * Those that were asked for, else all; without those that look at surfaces if so wished.
 *
 * @throws ConfigError for a name that no score has
 */
export function chooseScores({ metrics: names, surface }: { metrics?: string; surface: boolean }): MetricName[] {
  const chosen = names === undefined ? defaultMetrics : parseMetricNames(names);
  return chosen.filter((name) => surface || !("surface" in metrics[name]));
}
