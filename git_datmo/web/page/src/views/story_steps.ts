/** Finds the turning points of a history: notes, records of a metric, merges and failures. */

import type { StoryEntry, Value } from "../documents/types";
import { showNumber, showValue } from "../format";
import { shortName } from "../query/names";
import type { Goal } from "../query/goals";

export interface Told {
  entry: StoryEntry;
  value: number | null;
  /** Best value up to this entry. */
  best: number | null;
  isRecord: boolean;
  /** How much better the record is than the one before. */
  change: string;
  /** Parameters that changed since the experiment before. */
  parameters: string[];
  matters: boolean;
}

/** Returns the value of a parameter of an experiment. */
export type ReadParameter = (experiment: string, name: string) => Value;

const MOST_CHANGES = 4;
export const ENDED_BADLY = new Set(["failed", "killed", "interrupted"]);

export function tellStory(entries: StoryEntry[], metric: string, goal: Goal, names: string[], read: ReadParameter): Told[] {
  let best: number | null = null;
  let before = "";
  return entries.map((entry, place) => {
    const found = metric ? entry.values[metric] : null;
    const value = typeof found === "number" ? found : null;
    const isRecord = value !== null && entry.status !== "failed" && (best === null || (goal === "min" ? value < best : value > best));
    const change = isRecord && best !== null ? signed((value as number) - best) : "";
    if (isRecord) best = value;
    const parameters = before && entry.experiment ? changesBetween(before, entry.experiment, names, read) : [];
    before = entry.experiment || before;
    const isEdge = place === 0 || place === entries.length - 1;
    const matters = isEdge || isRecord || entry.notes.length > 0 || Boolean(entry.why) || ENDED_BADLY.has(entry.status) || entry.parents.length > 1 || entry.tags.length > 0;
    return { entry, value, best, isRecord, change, parameters, matters };
  });
}

function changesBetween(before: string, after: string, names: string[], read: ReadParameter): string[] {
  const changes = names.flatMap((name) => {
    const [old, now] = [read(before, name), read(after, name)];
    return old === now ? [] : [`${shortName(name)} ${showValue(old) || "none"} → ${showValue(now) || "none"}`.slice(0, 80)];
  });
  return changes.length > MOST_CHANGES ? [...changes.slice(0, MOST_CHANGES), `and ${changes.length - MOST_CHANGES} more`] : changes;
}

function signed(number: number): string {
  return `${number > 0 ? "+" : ""}${showNumber(number, 3)}`;
}
