/** Finds the turning points of a history: notes, records of a metric, merges and failures. */

import type { StoryEntry, Value } from "../documents/types";
import { showNumber, showValue } from "../format";
import { shortName } from "../query/names";
import type { Goal } from "../query/goals";

export interface Told {
  entry: StoryEntry;
  value: number | null;
  /** Best value up to this entry, and before it. */
  best: number | null;
  before: number | null;
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
const MOST_VALUES = 6;
export const ENDED_BADLY = new Set(["failed", "killed", "interrupted"]);

export function tellStory(entries: StoryEntry[], metric: string, goal: Goal, names: string[], read: ReadParameter): Told[] {
  let best: number | null = null;
  let last = "";
  return entries.map((entry, place) => {
    const found = metric ? entry.values[metric] : null;
    const value = typeof found === "number" ? found : null;
    const isRecord = value !== null && entry.status !== "failed" && (best === null || (goal === "min" ? value < best : value > best));
    const earlier = best;
    const change = isRecord && best !== null ? signed((value as number) - best) : "";
    if (isRecord) best = value;
    const parameters = last && entry.experiment ? changesBetween(last, entry.experiment, names, read) : [];
    last = entry.experiment || last;
    const isEdge = place === 0 || place === entries.length - 1;
    const matters = isEdge || isRecord || entry.notes.length > 0 || Boolean(entry.why) || ENDED_BADLY.has(entry.status) || entry.parents.length > 1 || entry.tags.length > 0;
    return { entry, value, best, before: earlier, isRecord, change, parameters, matters };
  });
}

/** Neighbours in the history that differ in parameters alone, as those of a sweep; or a single entry. */
export interface Step {
  /** The best one, which stands for all. */
  told: Told;
  members: Told[];
  /** Values that the parameters took, as lines of text. */
  ranges: string[];
}

const FEWEST = 3;

/** Joins neighbours with the same author, title and reason, if there are several. */
export function joinSeries(all: Told[], names: string[], read: ReadParameter): Step[] {
  const runs: Told[][] = [];
  for (const told of all) {
    const last = runs[runs.length - 1];
    if (last && isSame(last[0] as Told, told)) last.push(told);
    else runs.push([told]);
  }
  return runs.flatMap((members) => (members.length < FEWEST ? members.map(single) : [series(members, names, read)]));
}

export function single(told: Told): Step {
  return { told, members: [told], ranges: told.parameters };
}

function isSame(one: Told, other: Told): boolean {
  const keyOf = ({ entry }: Told) => [entry.experiment && entry.parents.length < 2, entry.author, entry.subject, entry.why, ENDED_BADLY.has(entry.status)].join("\n");
  return Boolean(one.entry.experiment) && keyOf(one) === keyOf(other);
}

function series(members: Told[], names: string[], read: ReadParameter): Step {
  const records = members.filter((each) => each.isRecord);
  const told = records[records.length - 1] ?? bestOf(members);
  const before = members[0] as Told;
  const change = told.isRecord && before.before !== null ? signed((told.value as number) - before.before) : "";
  const ranges = names.flatMap((name) => {
    const values = [...new Set(members.map(({ entry }) => showValue(read(entry.experiment, name)) || "none"))];
    return values.length < 2 ? [] : [`${shortName(name)} ${values.sort(inOrder).slice(0, MOST_VALUES).join(", ")}${values.length > MOST_VALUES ? " …" : ""}`];
  });
  return { told: { ...told, change }, members, ranges: ranges.slice(0, MOST_CHANGES) };
}

/** Returns the member with the most notes, or else the newest. */
function bestOf(members: Told[]): Told {
  return members.reduce((found, each) => (each.entry.notes.length >= found.entry.notes.length ? each : found));
}

function inOrder(one: string, other: string): number {
  return Number(one) - Number(other) || (one < other ? -1 : 1);
}

function changesBetween(before: string, after: string, names: string[], read: ReadParameter): string[] {
  // Another program, such as a check, has no parameters to compare.
  if (names.every((name) => read(after, name) === null)) return [];
  const changes = names.flatMap((name) => {
    const [old, now] = [read(before, name), read(after, name)];
    return old === now ? [] : [`${shortName(name)} ${showValue(old) || "none"} → ${showValue(now) || "none"}`.slice(0, 80)];
  });
  return changes.length > MOST_CHANGES ? [...changes.slice(0, MOST_CHANGES), `and ${changes.length - MOST_CHANGES} more`] : changes;
}

function signed(number: number): string {
  return `${number > 0 ? "+" : ""}${showNumber(number, 3)}`;
}
