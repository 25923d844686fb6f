/** The table itself: only the rows and columns in view are in the document. */

import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { addressOf, go, parameter, setParameters } from "../../address";
import { loadedColumns, table } from "../../documents/experiments_store";
import { PALETTE_SIZE } from "../../theme";
import { bestOf, decimalsOf, setWidth, shownColumns, type ShownColumn } from "./column_choice";
import { columnsInView, makeOffsets, rowsInView } from "./grid_window";
import { ExperimentRow, type RowLayout } from "./experiment_row";
import { chosen, isLoading, key, MOST_CHOSEN, nextColour, toggle, toggleAll } from "./table_state";
import { Icon } from "../../parts/icon";

const ROW_HEIGHT = 40;
const HEAD_HEIGHT = 40;

interface View { top: number; left: number; width: number; height: number }

export function ExperimentsGrid({ rows }: { rows: number[] }) {
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<View>({ top: 0, left: 0, width: 1200, height: 700 });
  const [active, setActive] = useState(0);
  const measure = () => {
    const element = box.current;
    if (element) setView({ top: element.scrollTop, left: element.scrollLeft, width: element.clientWidth, height: element.clientHeight });
  };
  useLayoutEffect(() => {
    measure();
    const observer = new ResizeObserver(measure);
    if (box.current) observer.observe(box.current);
    return () => observer.disconnect();
  }, []);
  useEffect(() => setActive((row) => Math.min(row, Math.max(0, rows.length - 1))), [rows.length]);

  const columns = shownColumns.value;
  const nameWidth = view.width < 600 ? 190 : view.width < 900 ? 250 : view.width < 1500 ? 306 : 330;
  const pinned = columns.filter((column) => column.isPinned);
  const free = columns.slice(pinned.length);
  const fixed = nameWidth + pinned.reduce((sum, column) => sum + column.width, 0);
  const offsets = makeOffsets(free.map((column) => column.width));
  const inView = columnsInView(view.left, Math.max(0, view.width - fixed), offsets);
  const total = fixed + (offsets[offsets.length - 1] as number);
  const measures = useMemo(() => ({
    best: new Map(columns.map((column) => [column.name, bestOf(column, rows)])),
    decimals: new Map(columns.map((column) => [column.name, decimalsOf(column, rows)])),
  }), [columns, rows, loadedColumns.value]);
  const layout: RowLayout = {
    nameWidth,
    pinned,
    cells: free.slice(inView.first, inView.end),
    before: offsets[inView.first] as number,
    total,
    firstFree: pinned.length + inView.first,
    ...measures,
  };
  const span = rowsInView(view.top, view.height - HEAD_HEIGHT, ROW_HEIGHT, rows.length);
  const keys = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    const id = table.value?.ids[rows[active] ?? -1];
    if (id && act(event.key, id)) event.preventDefault();
    const next = moved(event.key, active, rows.length, Math.floor(view.height / ROW_HEIGHT) - 2);
    if (next === active) return;
    event.preventDefault();
    setActive(next);
    scrollTo(box.current, next);
  };
  return (
    <div class="grid" ref={box} tabIndex={0} role="grid" aria-label="Experiments" aria-busy={isLoading.value} aria-rowcount={rows.length + 1} aria-colcount={columns.length + 1} aria-activedescendant={rows.length ? `row-${active}` : undefined} onScroll={measure} onKeyDown={keys} style={{ height: `min(calc(100vh - 16rem), ${HEAD_HEIGHT + ROW_HEIGHT * rows.length + 18}px)` }}>
      <div class="grid-head" role="row" aria-rowindex={1} style={{ width: `${total}px`, height: `${HEAD_HEIGHT}px` }}>
        <div class="grid-cell head name" role="columnheader" aria-colindex={1} style={{ width: `${nameWidth}px`, left: "0" }}><ChooseAll rows={rows} />Experiment</div>
        {pinned.map((column, place) => <HeadCell key={column.name} column={column} index={place + 2} left={nameWidth + pinned.slice(0, place).reduce((sum, each) => sum + each.width, 0)} />)}
        {layout.before > 0 && <div class="grid-gap" role="presentation" style={{ width: `${layout.before}px` }} />}
        {layout.cells.map((column, place) => <HeadCell key={column.name} column={column} index={layout.firstFree + place + 2} />)}
      </div>
      <div class="grid-body" role="rowgroup" style={{ height: `${ROW_HEIGHT * rows.length}px`, width: `${total}px` }}>
        {rows.slice(span.first, span.end).map((row, place) => (
          <ExperimentRow key={row} row={row} index={span.first + place} top={(span.first + place) * ROW_HEIGHT} layout={layout} isActive={span.first + place === active} />
        ))}
      </div>
      {!rows.length && <p class="empty">{isLoading.value ? "Loading…" : "No experiment meets this filter."}</p>}
    </div>
  );
}

function ChooseAll({ rows }: { rows: number[] }) {
  const ids = rows.slice(0, MOST_CHOSEN).map((row) => table.value?.ids[row] ?? "");
  const among = new Set(chosen.value);
  const count = ids.filter((id) => among.has(key(id))).length;
  const label = rows.length > MOST_CHOSEN ? `Choose the first ${MOST_CHOSEN} rows` : "Choose all rows";
  return <input type="checkbox" aria-label={label} title={label} checked={count > 0 && count === ids.length} ref={(box) => void (box && (box.indeterminate = count > 0 && count < ids.length))} onChange={() => toggleAll(ids)} />;
}

function HeadCell({ column, index, left }: { column: ShownColumn; index: number; left?: number }) {
  const sort = parameter("sort");
  const isSorted = sort.replace(/^-/, "") === column.name;
  const falling = isSorted && sort.startsWith("-");
  const isSparkline = column.name === "sparkline";
  // The first click shows the best first: large numbers, unless small ones are better.
  const first = column.isNumber && column.goal !== "min" ? `-${column.name}` : column.name;
  const other = first.startsWith("-") ? column.name : `-${column.name}`;
  const next = !isSorted ? first : sort === first ? other : "";
  const style: Record<string, string> = { width: `${column.width}px` };
  if (left !== undefined) style.left = `${left}px`;
  return (
    <div class={`grid-cell head ${left === undefined ? "" : "pinned"} ${column.isNumber ? "number" : ""}`} role="columnheader" aria-colindex={index} aria-sort={isSorted ? (falling ? "descending" : "ascending") : undefined} style={style} title={column.name}>
      {isSparkline ? <span class="head-name">{column.heading}</span> : (
        <button type="button" class="head-name" onClick={() => setParameters({ sort: next })}>
          <span class="head-text">{column.heading}</span>
          {isSorted && <Icon name={falling ? "down" : "up"} />}
        </button>
      )}
      <ResizeHandle column={column} />
    </div>
  );
}

function ResizeHandle({ column }: { column: ShownColumn }) {
  const start = useRef<{ x: number; width: number } | null>(null);
  const down = (event: PointerEvent) => {
    start.current = { x: event.clientX, width: column.width };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  };
  const move = (event: PointerEvent) => {
    if (start.current) setWidth(column.name, start.current.width + event.clientX - start.current.x);
  };
  const keys = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -16, ArrowRight: 16 }[event.key];
    if (!by) return;
    event.preventDefault();
    event.stopPropagation();
    setWidth(column.name, column.width + by);
  };
  return <div class="resize" role="separator" aria-orientation="vertical" aria-label={`Width of ${column.heading}`} aria-valuenow={Math.round(column.width)} aria-valuemin={56} aria-valuemax={800} tabIndex={0} onPointerDown={down} onPointerMove={move} onPointerUp={() => (start.current = null)} onKeyDown={keys} />;
}

function act(key: string, id: string): boolean {
  switch (key) {
    case "Enter":
      go(addressOf("experiment", id));
      return true;
    case " ":
      toggle("choose", id);
      return true;
    case "h":
      toggle("hide", id);
      return true;
    case "p":
      toggle("pin", id);
      return true;
    case "c":
      nextColour(id, PALETTE_SIZE);
      return true;
    default:
      return false;
  }
}

function moved(key: string, active: number, count: number, page: number): number {
  const steps: Record<string, number> = { ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -count, End: count };
  return Math.max(0, Math.min(count - 1, active + (steps[key] ?? 0)));
}

function scrollTo(box: HTMLElement | null, row: number): void {
  if (!box) return;
  const top = row * ROW_HEIGHT;
  const height = box.clientHeight - HEAD_HEIGHT;
  if (top < box.scrollTop) box.scrollTop = top;
  else if (top + ROW_HEIGHT > box.scrollTop + height) box.scrollTop = top + ROW_HEIGHT - height;
}
