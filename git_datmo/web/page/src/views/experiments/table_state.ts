/** The state of the table of experiments: which rows and columns are shown, in which order. */

import { computed } from "@preact/signals";
import { parameter, readList, setParameters, writeList } from "../../address";
import { columnValues, fact, factText, loadedColumns, requireColumns, table, tagsOf } from "../../documents/experiments_store";
import type { Value } from "../../documents/types";
import { parseCondition, rename, namesIn, type Condition } from "../../query/conditions";
import { asNumber, compareTexts, matches } from "../../query/evaluate";
import { BUILT_IN, findName } from "../../query/names";

export interface Filter { condition: Condition | null; error: string }

/** The condition of the address, with full names. */
export const filter = computed<Filter>(() => {
  const text = parameter("where").trim();
  const current = table.value;
  if (!text || !current) return { condition: null, error: "" };
  try {
    return { condition: rename(parseCondition(text), (name) => findName(name, current.infos)), error: "" };
  } catch (problem) {
    return { condition: null, error: (problem as Error).message };
  }
});

const SUCCESS: Record<string, string> = { completed: "success" };

/** Returns the function that reads a value of a row by its name in the filter language. */
export function reader(): (name: string, row: number) => Value {
  const ids = table.value?.ids ?? [];
  return (name, row) => {
    switch (name) {
      case "id":
        return ids[row] ?? null;
      case "tags":
        return tagsOf(row).join("\x1f") || null;
      case "status": {
        const status = fact("status", row);
        return typeof status === "string" ? (SUCCESS[status] ?? status) : null;
      }
      case "created":
        return createdText(fact("time", row));
      default:
        return Object.hasOwn(BUILT_IN, name) ? fact(BUILT_IN[name] as string, row) : (columnValues(name)?.[row] ?? null);
    }
  };
}

function createdText(seconds: Value): Value {
  return typeof seconds === "number" ? new Date(seconds * 1000).toISOString().replace(/\.\d+Z$/, "Z") : null;
}

const searchTexts = computed<string[]>(() => {
  const current = table.value;
  if (!current) return [];
  const facts = ["subject", "message", "why", "author", "branch", "command", "status"];
  return current.ids.map((id, row) => [id, ...facts.map((name) => factText(name, row)), ...tagsOf(row)].join("\n").toLowerCase());
});

export const hidden = computed(() => new Set(readList(parameter("hide"))));
export const pinned = computed(() => readList(parameter("pin")));
export const chosen = computed(() => readList(parameter("choose")));

/** Colours that people gave to rows, by the first digits of the ids. */
export const colours = computed(() => new Map(readList(parameter("colour")).map((pair) => {
  const [id = "", number = "0"] = pair.split(":");
  return [id, Number(number)] as const;
})));

/** Returns how many snapshots only follow the data, as a commit that changes data makes them. */
export const followerCount = computed(() => columnValues("is_data_only")?.filter(Boolean).length ?? 0);

/** The rows that pass the filter and the search, unsorted. */
export const filteredRows = computed<number[]>(() => {
  const current = table.value;
  if (!current) return [];
  loadedColumns.value;
  const words = parameter("q").toLowerCase().split(/\s+/).filter(Boolean);
  const { condition } = filter.value;
  const read = reader();
  const texts = words.length ? searchTexts.value : [];
  const isHidden = hidden.value;
  const followers = parameter("followers") === "1" ? null : columnValues("is_data_only");
  const rows: number[] = [];
  let row = 0;
  const value = (name: string) => read(name, row);
  for (; row < current.count; row += 1) {
    if (followers?.[row]) continue;
    if (isHidden.size && isHidden.has(key(current.ids[row] as string))) continue;
    if (words.length && !words.every((word) => (texts[row] as string).includes(word))) continue;
    if (condition && !matches(condition, value)) continue;
    rows.push(row);
  }
  return rows;
});

/** The rows as the table shows them: pinned ones first, then in the chosen order. */
export const shownRows = computed<number[]>(() => {
  const rows = sortRows(filteredRows.value, parameter("sort"));
  const first = pinned.value.map((id) => table.value?.ids.findIndex((each) => key(each) === id) ?? -1).filter((row) => row >= 0);
  const isFirst = new Set(first);
  return first.length ? [...first, ...rows.filter((row) => !isFirst.has(row))] : rows;
});

/** Returns rows in the order of a column; `-` before its name is falling order. */
export function sortRows(rows: number[], sort: string): number[] {
  if (!sort) return rows;
  const falling = sort.startsWith("-");
  const name = falling ? sort.slice(1) : sort;
  const values = columnValues(name);
  if (!values) return rows;
  const sign = falling ? -1 : 1;
  const numbers: [number, number][] = [];
  const texts: [string, number][] = [];
  const nans: number[] = [];
  const missing: number[] = [];
  // Numbers come before texts, and both before NaN and missing values, in either order.
  for (const row of rows) {
    const value = values[row] ?? null;
    const number = asNumber(value);
    if (number === null) value === null ? missing.push(row) : texts.push([String(value), row]);
    else if (Number.isNaN(number)) nans.push(row);
    else numbers.push([number, row]);
  }
  // Infinities differ by NaN, so that a comparison decides.
  numbers.sort((one, other) => (one[0] === other[0] ? one[1] - other[1] : one[0] < other[0] ? -sign : sign));
  texts.sort((one, other) => sign * compareTexts(one[0], other[0]) || one[1] - other[1]);
  return [...numbers.map(rowOf), ...texts.map(rowOf), ...nans, ...missing];
}

function rowOf(entry: [unknown, number]): number {
  return entry[1];
}

/** Returns the part of an id that the address uses. */
export function key(id: string): string {
  return id.slice(0, 10);
}

/** The columns that the filter and the order need. */
const neededColumns = computed<string[]>(() => {
  const { condition } = filter.value;
  const sort = parameter("sort").replace(/^-/, "");
  return [...(condition ? namesIn(condition) : []), ...(sort ? [sort] : [])];
});

/** Is true until all columns are loaded that the filter and the order need. */
export const isLoading = computed(() => neededColumns.value.some((name) => table.value?.infos.has(name) && !columnValues(name)));

export function loadForState(): void {
  void requireColumns(neededColumns.value);
}

/** Adds a row to a list in the address, or removes it. */
export function toggle(list: "hide" | "pin" | "choose", id: string): void {
  const entries = new Set(readList(parameter(list)));
  if (!entries.delete(key(id))) entries.add(key(id));
  setParameters({ [list]: writeList(entries) }, "replace");
}

/** Rows of a comparison at most; each is one document. */
export const MOST_CHOSEN = 40;

/** Chooses rows, or chooses none if all of them are chosen. */
export function toggleAll(ids: string[]): void {
  const keys = ids.slice(0, MOST_CHOSEN).map(key);
  const isFull = keys.every((each) => chosen.value.includes(each));
  setParameters({ choose: isFull ? "" : writeList(keys) }, "replace");
}

/** Gives a row the next colour; after the last it has none. */
export function nextColour(id: string, colourCount: number): void {
  const entries = new Map(colours.value);
  const next = (entries.get(key(id)) ?? -1) + 1;
  if (next >= colourCount) entries.delete(key(id));
  else entries.set(key(id), next);
  setParameters({ colour: writeList([...entries].map(([each, number]) => `${each}:${number}`)) }, "replace");
}
