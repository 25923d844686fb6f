/** Chooses the metrics to draw: several ranks of a metric have one document, and one chart. */

import type { MetricInfo } from "../documents/types";

/** Returns the metrics with a curve, one for each document. */
export function distinctCurves(metrics: MetricInfo[]): MetricInfo[] {
  const seen = new Set<string>();
  return metrics.filter(({ curve }) => {
    if (!curve || seen.has(curve)) return false;
    seen.add(curve);
    return true;
  });
}
