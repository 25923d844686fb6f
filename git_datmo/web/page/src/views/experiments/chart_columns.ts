/** Which columns the charts over the table use. */

import { parameter, readList } from "../../address";
import { columnValues, table } from "../../documents/experiments_store";
import type { Value } from "../../documents/types";
import { shortName } from "../../query/names";
import { colours, key } from "./table_state";
import { FACTS, isDerived } from "./column_choice";
import { ink, seriesColour } from "../../theme";

/** Facts that may be axes; three of them are identities. */
const IDENTITIES = ["code", "data", "environment"];
const FACT_AXES = [...IDENTITIES, "author", "branch", "status", "time", "seconds"];
const USUAL_AXES = 6;

export function axisNames(): string[] {
  const current = table.value;
  if (!current) return [];
  return [...current.document.columns.filter((info) => info.section !== "tags").map((info) => info.name), ...FACT_AXES];
}

export function labelOf(name: string): string {
  return FACTS[name]?.[0] ?? shortName(name);
}

function metrics(): string[] {
  const current = table.value;
  if (!current) return [];
  return current.document.columns.filter((info) => info.section === "metrics" && info.kind !== "text" && !isDerived(info.name, current.infos)).map((info) => info.name);
}

function parameters(): string[] {
  return (table.value?.document.columns ?? []).filter((info) => info.section === "params").map((info) => info.name);
}

export function scatterX(): string {
  return parameter("sx") || parameters()[0] || "time";
}

export function scatterY(): string {
  return parameter("sy") || metrics()[0] || "seconds";
}

export function colourBy(): string {
  return parameter("by");
}

/** Returns the axes of the parallel coordinates. */
export function parallelAxes(): string[] {
  const listed = readList(parameter("axes"));
  if (listed.length) return listed;
  return [...parameters().slice(0, USUAL_AXES), "code", "data", ...metrics().slice(0, 2)];
}

/** Returns the columns that the chosen chart needs. */
export function chartNames(): string[] {
  const by = colourBy();
  const axes = parameter("chart") === "scatter" ? [scatterX(), scatterY()] : parallelAxes();
  return by ? [...axes, by] : axes;
}

export function valuesOf(name: string, rows: number[]): Value[] {
  const values = columnValues(name);
  return rows.map((row) => values?.[row] ?? null);
}

/** Returns the colour of each row: its own, or that of its value in the column that colours. */
export function rowColours(rows: number[]): { colours: string[]; words: [string, string][] } {
  const own = colours.value;
  const ids = table.value?.ids ?? [];
  const by = colourBy();
  const values = by ? valuesOf(by, rows) : [];
  const words = [...new Set(values)].sort().slice(0, 8);
  const usual = ink("accent");
  const found = rows.map((row, place) => {
    const mine = own.get(key(ids[row] ?? ""));
    if (mine !== undefined) return seriesColour(mine);
    if (!by) return usual;
    const word = words.indexOf(values[place] as Value);
    return word < 0 ? ink("muted") : seriesColour(word);
  });
  return { colours: found, words: by ? words.map((word, place) => [word === null ? "none" : String(word).slice(0, 24), seriesColour(place)]) : [] };
}
