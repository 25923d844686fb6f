/** The tools above the table: search, filter, grouping, columns and charts. */

import { useEffect, useState } from "preact/hooks";
import { parameter, setParameters } from "../../address";
import { columnValues, table, tagsOf } from "../../documents/experiments_store";
import { toCsv } from "../../format";
import { shortName } from "../../query/names";
import { ExportMenu } from "../../parts/export_menu";
import { Icon } from "../../parts/icon";
import { ColumnsPanel } from "./columns_panel";
import { FACTS, shownColumns } from "./column_choice";
import { shownRows } from "./table_state";
import { SeedOffer } from "./seed_groups";

export function ExperimentsTools() {
  return (
    <div class="toolbar" role="search" aria-label="Experiments">
      <label class="input search">
        <Icon name="search" />
        <span class="visually-hidden">Search</span>
        <input type="search" placeholder="Search" value={parameter("q")} onInput={(event) => setParameters({ q: event.currentTarget.value }, "replace")} />
      </label>
      <FilterField />
      <GroupField />
      <SeedOffer />
      <div class="toolbar-end">
        <div class="segmented" role="group" aria-label="Charts">
          {[["curves", "Curves"], ["scatter", "Scatter"], ["parallel", "Parallel"]].map(([value, label]) => (
            <button key={value} type="button" aria-pressed={parameter("chart") === value} onClick={() => setParameters({ chart: parameter("chart") === value ? "" : (value as string) })}>{label}</button>
          ))}
        </div>
        <ColumnsPanel />
        <ExportMenu name="experiments" csv={tableCsv} />
      </div>
    </div>
  );
}

/** The filter is applied on Enter, or when the field is left, so that half a condition is no error. */
function FilterField() {
  const applied = parameter("where");
  const [text, setText] = useState(applied);
  useEffect(() => setText(applied), [applied]);
  const apply = () => text !== applied && setParameters({ where: text.trim() });
  return (
    <form class="input filter" onSubmit={(event) => (event.preventDefault(), apply())}>
      <label class="visually-hidden" for="where">Filter, as in git datmo log --where</label>
      <input id="where" type="text" autocomplete="off" spellcheck={false} placeholder="Filter: accuracy > 0.9 and lr <= 0.01" value={text} onInput={(event) => setText(event.currentTarget.value)} onBlur={apply} />
      {applied && <button type="button" class="icon-button small" aria-label="Remove the filter" onClick={() => setParameters({ where: "" })}><Icon name="close" /></button>}
    </form>
  );
}

function GroupField() {
  const infos = table.value?.document.columns ?? [];
  const parameters = infos.filter((info) => info.section === "params").slice(0, 200);
  return (
    <label class="field">
      <span>Group by</span>
      <select value={parameter("group")} onChange={(event) => setParameters({ group: event.currentTarget.value })}>
        <option value="">nothing</option>
        <option value="same">all but the seed</option>
        <optgroup label="Parameters">
          {parameters.map((info) => <option key={info.name} value={info.name}>{shortName(info.name)}</option>)}
        </optgroup>
        <optgroup label="Facts">
          {["author", "branch", "status", "code", "data", "environment", "tags"].map((name) => <option key={name} value={name}>{(FACTS[name] as [string, number])[0]}</option>)}
        </optgroup>
      </select>
    </label>
  );
}

function tableCsv(): string {
  const current = table.value;
  if (!current) return "";
  const columns = shownColumns.value.filter((column) => column.name !== "sparkline");
  const heads = ["id", "message", ...columns.map((column) => column.name)];
  const subject = columnValues("subject");
  const rows = shownRows.value.map((row) => [
    current.ids[row] ?? null,
    subject?.[row] ?? null,
    ...columns.map((column) => (column.name === "tags" ? tagsOf(row).join(" ") : (columnValues(column.name)?.[row] ?? null))),
  ]);
  return toCsv([heads, ...rows]);
}

