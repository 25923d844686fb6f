/** Finds the group with the best mean of a metric. */

import type { Summary } from "../../query/aggregate";
import type { Goal } from "../../query/goals";

/** Returns the place of the best summary; -1 if none is, or the goal is unknown. */
export function bestOfSummaries(goal: Goal, summaries: (Summary | null)[]): number {
  if (!goal || summaries.length < 2) return -1;
  let best = -1;
  summaries.forEach((summary, place) => {
    if (!summary || Number.isNaN(summary.mean)) return;
    const leader = summaries[best]?.mean;
    const isBetter = leader === undefined || (goal === "max" ? summary.mean > leader : summary.mean < leader);
    if (isBetter) best = place;
  });
  return best;
}
