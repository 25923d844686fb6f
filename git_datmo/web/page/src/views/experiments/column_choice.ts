/** Which columns the table shows, with their headings, widths and formats. */

import { computed } from "@preact/signals";
import { parameter, readList, setParameters, writeList } from "../../address";
import { columnValues, table } from "../../documents/experiments_store";
import type { ColumnInfo } from "../../documents/types";
import { knownGoal, type Goal } from "../../query/goals";
import { shortName } from "../../query/names";

export interface ShownColumn {
  name: string;
  heading: string;
  width: number;
  isNumber: boolean;
  isPinned: boolean;
  section: string;
  goal: Goal;
}

/** Facts that may be columns, with their headings and widths. */
export const FACTS: Record<string, [string, number]> = {
  status: ["Status", 104],
  author: ["Author", 100],
  time: ["Time", 148],
  seconds: ["Duration", 96],
  branch: ["Branch", 130],
  why: ["Why", 260],
  tags: ["Tags", 140],
  receipts: ["Reproduced", 150],
  message: ["Message", 260],
  mail: ["Address", 170],
  command: ["Command", 260],
  engine: ["Engine", 90],
  exit: ["Exit", 64],
  commit: ["Commit", 92],
  code: ["Code", 92],
  data: ["Data", 92],
  environment: ["Environment", 110],
  annotations: ["Notes", 72],
};
export const SPARKLINE = "sparkline";
const NUMBERS = new Set(["seconds", "exit", "annotations"]);
// Further values of a curve would repeat its metric.
const DERIVED = /\.(min|max|best|goal)$/;
const FEWEST_WIDTH = 56;
/** Rows from which a table shows fewer columns at first. */
const LARGE = 2_000;

const defaultNames = computed<string[]>(() => {
  const current = table.value;
  if (!current) return [];
  const { columns, sparklines } = current.document;
  const isLarge = current.count > LARGE;
  const metrics = columns.filter((info) => info.section === "metrics" && info.kind !== "text" && !isDerived(info.name, current.infos));
  const shownMetrics = mostPresent(metrics, 3);
  const block = current.infos.get(shownMetrics[0] ?? "")?.block;
  // Of a large table only one block is read before a person asks for more.
  const isNear = (name: string) => !isLarge || block === undefined || current.infos.get(name)?.block === block;
  const parameters = columns.filter((info) => info.section === "params" && isNear(info.name));
  return [
    ...shownMetrics.filter(isNear),
    ...(sparklines.length && !isLarge ? [SPARKLINE] : []),
    ...mostPresent(parameters, 4),
    ...["status", "author", "time", "seconds", "why", "tags", "receipts", "branch", "annotations"].filter(hasValues),
  ];
});

/** Returns true if any row has a value of a fact: a column of nothing is left out. */
function hasValues(name: string): boolean {
  return columnValues(name)?.some((value) => value !== null && value !== "" && value !== 0) ?? false;
}

/** Returns how many digits behind the point the numbers of a metric need, so that they align. */
export function decimalsOf(column: ShownColumn, rows: number[]): number | null {
  if (column.section !== "metrics" || !column.isNumber) return null;
  const values = columnValues(column.name);
  let most = 0;
  for (const row of rows.slice(0, 2_000)) {
    const value = values?.[row];
    if (typeof value !== "number" || !Number.isFinite(value) || Number.isInteger(value)) continue;
    if (Math.abs(value) >= 1e5 || Math.abs(value) < 1e-3) return null;
    most = Math.max(most, String(Number(value.toPrecision(5))).split(".")[1]?.length ?? 0);
  }
  return Math.min(most, 5);
}

export function isDerived(name: string, infos: Map<string, ColumnInfo>): boolean {
  return DERIVED.test(name) && infos.has(name.replace(DERIVED, ""));
}

function mostPresent(infos: ColumnInfo[], most: number): string[] {
  const ranked = infos.map((info, place) => ({ info, place })).sort((one, other) => other.info.present - one.info.present || one.place - other.place);
  return ranked.slice(0, most).map((each) => each.info.name);
}

export const columnNames = computed<string[]>(() => {
  const listed = readList(parameter("columns"));
  return listed.length ? listed : defaultNames.value;
});

export const pinnedColumns = computed(() => new Set(readList(parameter("pinned"))));
const widths = computed(() => new Map(readList(parameter("widths")).map((pair) => {
  const colon = pair.lastIndexOf(":");
  return [pair.slice(0, colon), Number(pair.slice(colon + 1))] as const;
})));

export const shownColumns = computed<ShownColumn[]>(() => {
  const all = columnNames.value.map(describe);
  return [...all.filter((column) => column.isPinned), ...all.filter((column) => !column.isPinned)];
});

function describe(name: string): ShownColumn {
  const info = table.value?.infos.get(name);
  const isPinned = pinnedColumns.value.has(name);
  const chosen = widths.value.get(name);
  if (info) {
    const heading = shortName(name);
    // A metric that is NaN in places is of mixed kind.
    const isNumber = info.kind === "number" || (info.section === "metrics" && info.kind === "mixed");
    const usual = isNumber ? Math.min(190, Math.max(92, 34 + 7.4 * heading.length)) : 150;
    const goal = info.section === "metrics" ? info.goal || knownGoal(name) : "";
    return { name, heading, width: chosen ?? usual, isNumber, isPinned, section: info.section, goal };
  }
  const [heading, usual] = name === SPARKLINE ? [sparklineMetric(), 120] : (FACTS[name] ?? [name, 120]);
  return { name, heading, width: chosen ?? usual, isNumber: NUMBERS.has(name), isPinned, section: "facts", goal: "" };
}

/** Returns the metric whose sparklines are shown. */
export function sparklineMetric(): string {
  const listed = table.value?.document.sparklines ?? [];
  const wanted = parameter("metric");
  return (listed.find((each) => each.name === wanted) ?? listed[0])?.name ?? "";
}

export function setColumns(names: string[]): void {
  setParameters({ columns: writeList(names) });
}

export function togglePinned(name: string): void {
  const entries = new Set(pinnedColumns.value);
  if (!entries.delete(name)) entries.add(name);
  setParameters({ pinned: writeList(entries) });
}

export function setWidth(name: string, width: number): void {
  const entries = new Map(widths.value);
  entries.set(name, Math.max(FEWEST_WIDTH, Math.round(width)));
  setParameters({ widths: writeList([...entries].map(([each, pixels]) => `${each}:${pixels}`)) }, "replace");
}

/** Returns the best number of a metric among rows, or null. */
export function bestOf(column: ShownColumn, rows: number[]): number | null {
  const values = columnValues(column.name);
  if (!column.goal || !values || rows.length < 2) return null;
  let best: number | null = null;
  let compared = 0;
  for (const row of rows) {
    const value = values[row];
    if (typeof value !== "number") continue;
    compared += 1;
    if (best === null || (column.goal === "max" ? value > best : value < best)) best = value;
  }
  return compared > 1 ? best : null;
}
