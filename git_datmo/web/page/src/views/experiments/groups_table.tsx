/** Experiments in groups, with mean ± standard deviation, minimum and maximum of each number. */

import { useEffect } from "preact/hooks";
import { addressOf, parameter, setParameters } from "../../address";
import { columnValues, table, tagsOf } from "../../documents/experiments_store";
import type { Value } from "../../documents/types";
import { count, showNumber, showValue } from "../../format";
import { summarise, type Summary } from "../../query/aggregate";
import { quote, quoteName } from "../../query/conditions";
import { compareValues } from "../../query/evaluate";
import { PlainTable, type Cell, type Heading } from "../../parts/plain_table";
import { ExperimentLink } from "../../parts/experiment_link";
import { bestOfSummaries } from "./best_group";
import { shownColumns } from "./column_choice";
import { loadSeedGroups, seedKeys } from "./seed_groups";
import { key } from "./table_state";

interface Group { value: Value; rows: number[] }

const MOST_SHOWN = 300;

export function GroupsTable({ rows }: { rows: number[] }) {
  const by = parameter("group");
  useEffect(() => {
    if (by === "same") void loadSeedGroups();
  }, [by, table.value]);
  const groups = makeGroups(rows, by);
  const numbers = shownColumns.value.filter((column) => column.isNumber && column.section !== "facts" && column.name !== by && !(by === "same" && /seed$/i.test(column.name)));
  const summaries = groups.map((group) => numbers.map((column) => summarise(group.rows.map((row) => columnValues(column.name)?.[row] ?? null))));
  const best = numbers.map((column, place) => bestOfSummaries(column.goal, summaries.map((cells) => cells[place] ?? null)));
  const headings: Heading[] = [
    { name: by === "same" ? "Same but the seed" : by },
    { name: "Experiments", isNumber: true },
    ...numbers.map((column) => ({ name: column.heading, isNumber: true })),
  ];
  const cells = groups.slice(0, MOST_SHOWN).map((group, place) => [
    nameCell(group, by),
    { value: group.rows.length, show: memberLink(group) },
    ...numbers.map((_, at) => summaryCell(summaries[place]?.[at] ?? null, best[at] === place)),
  ]);
  const note = groups.length > MOST_SHOWN ? `${MOST_SHOWN} of ${count(groups.length, "group")}` : count(groups.length, "group");
  return <PlainTable name="Groups of experiments" headings={headings} rows={cells} note={`${note}; mean ± standard deviation, minimum to maximum`} />;
}

function makeGroups(rows: number[], by: string): Group[] {
  const found = new Map<string, Group>();
  const keys = by === "same" ? seedKeys.value : null;
  for (const row of rows) {
    const value: Value = keys ? keys[row] || null : by === "tags" ? tagsOf(row).join(", ") || null : (columnValues(by)?.[row] ?? null);
    const name = `${typeof value}:${value}`;
    const group = found.get(name) ?? { value, rows: [] };
    group.rows.push(row);
    found.set(name, group);
  }
  const groups = [...found.values()];
  if (keys) return groups.filter((group) => group.value !== null).sort((one, other) => other.rows.length - one.rows.length);
  return groups.sort((one, other) => compareValues(one.value, other.value, false));
}

function nameCell(group: Group, by: string): Cell {
  if (by === "same") {
    const id = table.value?.ids[group.rows[0] ?? 0] ?? "";
    return { value: id, show: <ExperimentLink id={id} /> };
  }
  if (group.value === null) return { value: null };
  const filter = `${quoteName(by)} = ${quote(String(group.value))}`;
  const open = () => setParameters({ where: filter, group: "" });
  return { value: group.value, show: by === "branch" || by === "data" ? showValue(group.value) : <button type="button" class="text-button" onClick={open}>{showValue(group.value)}</button> };
}

function memberLink(group: Group) {
  const ids = group.rows.slice(0, 12).map((row) => key(table.value?.ids[row] ?? ""));
  return ids.length > 1 ? <a href={addressOf("compare", ids.join(","))}>{group.rows.length}</a> : group.rows.length;
}

function summaryCell(summary: Summary | null, isBest: boolean): Cell {
  if (!summary) return { value: null };
  const { mean, deviation, low, high } = summary;
  if (deviation === 0) return { value: mean, tone: isBest ? "best" : "", show: showNumber(mean, 5) };
  const text = deviation === null ? String(mean) : `${mean} ± ${deviation}`;
  return {
    value: text,
    tone: isBest ? "best" : "",
    show: (
      <>
        <div>{showNumber(mean, 4)}{deviation !== null && <span class="quiet"> ± {showNumber(deviation, 2)}</span>}</div>
        {deviation !== null && <div class="quiet small">{showNumber(low, 4)} to {showNumber(high, 4)}</div>}
      </>
    ),
  };
}

