/** Which scores `rfmedsam evaluate` computes. */
import { ConfigError } from "@rfmedsam/base";
import { defaultMetrics, type MetricName, metrics, parseMetricNames } from "@rfmedsam/metrics";

/**
 * Those that were asked for, else all; of all, without those that look at surfaces if so wished.
 *
 * @throws ConfigError for a name that no score has, and for one that looks at surfaces where that is not wished
 */
export function chooseScores({ metrics: names, surface }: { metrics?: string; surface: boolean }): MetricName[] {
  const ofSurfaces = (name: MetricName) => "surface" in metrics[name];
  if (names === undefined) return defaultMetrics.filter((name) => surface || !ofSurfaces(name));
  const chosen = parseMetricNames(names);
  const refused = surface ? [] : chosen.filter(ofSurfaces);
  if (refused.length === 0) return chosen;
  throw new ConfigError({
    found: `--no-surface with --metrics ${refused.join(",")}`,
    expected: "only scores that do not look at surfaces",
    hint: `leave out --no-surface, or ${refused.join(", ")}`,
  });
}
