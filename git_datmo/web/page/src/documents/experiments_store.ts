/** Holds the table of experiments by column, and loads further blocks of columns when asked. */

import { computed, signal } from "@preact/signals";
import { load, watch } from "./load";
import type { BlockDocument, Column, ColumnInfo, ExperimentsDocument, Num, SparklinesDocument, Value } from "./types";

export interface Table {
  document: ExperimentsDocument;
  count: number;
  ids: string[];
  /** Row of each id. */
  rowOf: Map<string, number>;
  infos: Map<string, ColumnInfo>;
}

type Values = Value[];

export const experiments = watch<ExperimentsDocument>("experiments");

/** Counts the columns that have been loaded, so that views follow. */
export const loadedColumns = signal(0);

const columns = new Map<string, Values>();
const blocks = new Map<number, Promise<void>>();
let columnsOf: ExperimentsDocument | null = null;

export const table = computed<Table | null>(() => {
  const current = experiments.value;
  if (current.state !== "ready") return null;
  const document = current.value;
  if (columnsOf !== document) reset(document);
  return {
    document,
    count: document.count,
    ids: document.ids,
    rowOf: new Map(document.ids.map((id, row) => [id, row])),
    infos: new Map(document.columns.map((info) => [info.name, info])),
  };
});

function reset(document: ExperimentsDocument): void {
  columns.clear();
  blocks.clear();
  columnsOf = document;
  for (const column of document.facts) columns.set(column.name, decode(column));
}

function decode(column: Column): Values {
  if ("values" in column) return column.values;
  const { words, index } = column;
  return index.map((place) => (place < 0 ? null : (words[place] ?? null)));
}

/** Returns a column's values, or null if its block is not loaded. */
export function columnValues(name: string): Values | null {
  loadedColumns.value;
  return columns.get(name) ?? null;
}

/** Returns the value of a fact of a row. */
export function fact(name: string, row: number): Value {
  return columns.get(name)?.[row] ?? null;
}

/** Returns the text of a fact of a row; empty if it has none. */
export function factText(name: string, row: number): string {
  const value = fact(name, row);
  return value === null ? "" : String(value);
}

/** Loads the blocks of these columns. */
export async function requireColumns(names: Iterable<string>): Promise<void> {
  const current = table.peek();
  if (!current) return;
  const wanted = new Set<number>();
  for (const name of names) {
    const info = current.infos.get(name);
    if (info && !columns.has(name)) wanted.add(info.block);
  }
  await Promise.all([...wanted].map(loadBlock));
}

function loadBlock(block: number): Promise<void> {
  let promise = blocks.get(block);
  if (!promise) {
    const owner = columnsOf;
    promise = load<BlockDocument>(`block/${block}`).then((document) => {
      // The table may have changed while the block was on its way.
      if (owner !== columnsOf) return;
      for (const column of document.columns) columns.set(column.name, decode(column));
      loadedColumns.value += 1;
    });
    blocks.set(block, promise);
  }
  return promise;
}

/** Returns the tags of a row, which come as one text or as a list. */
export function tagsOf(row: number): string[] {
  const value = fact("tags", row) as Value | string[];
  if (Array.isArray(value)) return value;
  return typeof value === "string" ? value.split("\x1f").filter(Boolean) : [];
}

/** Returns the sparkline rows of a metric, or null while they load or if there are none. */
export function sparklines(name: string): (Num[] | null)[] | null {
  const found = table.value?.document.sparklines.find((each) => each.name === name);
  if (!found) return null;
  const state = watch<SparklinesDocument>(found.document).value;
  return state.state === "ready" ? state.value.rows : null;
}

/** Returns the row for an id or its beginning; -1 if there is none. */
export function findRow(id: string): number {
  const current = table.value;
  if (!current) return -1;
  const exact = current.rowOf.get(id);
  if (exact !== undefined) return exact;
  return id ? current.ids.findIndex((each) => each.startsWith(id)) : -1;
}

/** Returns the part of an id that names its documents. */
export function keyOf(id: string): string {
  return id.startsWith("run-") ? id : id.slice(0, 16);
}
