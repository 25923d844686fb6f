/** Chooses, orders and pins columns. */

import { useRef, useState } from "preact/hooks";
import { setParameters } from "../../address";
import { columnValues, table } from "../../documents/experiments_store";
import { Icon } from "../../parts/icon";
import { columnNames, FACTS, pinnedColumns, setColumns, SPARKLINE, togglePinned } from "./column_choice";

// A repository may have thousands of metrics; a list of all would hold up the page.
const MOST_LISTED = 150;

export function ColumnsPanel() {
  const details = useRef<HTMLDetailsElement>(null);
  const [isOpen, setOpen] = useState(false);
  const close = (event: KeyboardEvent) => {
    if (event.key !== "Escape" || !details.current?.open) return;
    details.current.open = false;
    details.current.querySelector("summary")?.focus();
  };
  return (
    <details class="menu" ref={details} onKeyDown={close} onToggle={() => setOpen(details.current?.open ?? false)}>
      <summary class="button"><Icon name="columns" />Columns</summary>
      {isOpen && <Panel />}
    </details>
  );
}

function Panel() {
  const [text, setText] = useState("");
  const shown = columnNames.value;
  const isShown = new Set(shown);
  const others = allNames().filter((name) => !isShown.has(name) && matchesText(name, text));
  return (
    <div class="menu-items columns-panel">
      <label class="input search">
        <Icon name="search" />
        <span class="visually-hidden">Search columns</span>
        <input type="search" placeholder="Search columns" value={text} onInput={(event) => setText(event.currentTarget.value)} />
      </label>
      <h2 class="small-head">Shown</h2>
      <ul>{shown.filter((name) => matchesText(name, text)).map((name) => <ShownItem key={name} name={name} names={shown} />)}</ul>
      <h2 class="small-head">Others</h2>
      <ul>
        {others.slice(0, MOST_LISTED).map((name) => (
          <li key={name}>
            <label class="check"><input type="checkbox" checked={false} onChange={() => setColumns([...shown, name])} />{labelOf(name)}</label>
          </li>
        ))}
      </ul>
      {others.length > MOST_LISTED && <p class="quiet">and {(others.length - MOST_LISTED).toLocaleString("en-US")} more; search for them</p>}
      <button type="button" class="text-button" onClick={() => setParameters({ columns: "", pinned: "", widths: "" })}>Back to the usual columns</button>
    </div>
  );
}

function ShownItem({ name, names }: { name: string; names: string[] }) {
  const place = names.indexOf(name);
  const move = (by: number) => {
    const next = names.filter((each) => each !== name);
    next.splice(Math.max(0, place + by), 0, name);
    setColumns(next);
  };
  const isPinned = pinnedColumns.value.has(name);
  return (
    <li>
      <label class="check"><input type="checkbox" checked onChange={() => setColumns(names.filter((each) => each !== name))} />{labelOf(name)}</label>
      <span class="tools">
        <button type="button" class="icon-button small" aria-label={`Move ${labelOf(name)} up`} disabled={place === 0} onClick={() => move(-1)}><Icon name="up" /></button>
        <button type="button" class="icon-button small" aria-label={`Move ${labelOf(name)} down`} disabled={place === names.length - 1} onClick={() => move(1)}><Icon name="down" /></button>
        <button type="button" class="icon-button small" aria-label={`Pin ${labelOf(name)}`} aria-pressed={isPinned} onClick={() => togglePinned(name)}><Icon name="pin" /></button>
      </span>
    </li>
  );
}

function allNames(): string[] {
  const current = table.value;
  if (!current) return [];
  const facts = Object.keys(FACTS).filter((name) => columnValues(name) && !current.infos.has(name));
  return [...facts, ...(current.document.sparklines.length ? [SPARKLINE] : []), ...current.document.columns.map((info) => info.name)];
}

function labelOf(name: string): string {
  return name === SPARKLINE ? "Sparkline" : (FACTS[name]?.[0] ?? name);
}

function matchesText(name: string, text: string): boolean {
  return labelOf(name).toLowerCase().includes(text.trim().toLowerCase());
}
