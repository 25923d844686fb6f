/** One row of the table of experiments. */

import type { ComponentChildren } from "preact";
import { addressOf } from "../../address";
import { columnValues, sparklines, table, tagsOf } from "../../documents/experiments_store";
import { Sparkline } from "../../charts/sparkline";
import { shortId, showAge, showFixed, showSeconds, showTime, showValue } from "../../format";
import { Icon } from "../../parts/icon";
import { Status } from "../../parts/status";
import { titleOfRow } from "../../parts/experiment_link";
import { PALETTE_SIZE, seriesColour } from "../../theme";
import { sparklineMetric, type ShownColumn } from "./column_choice";
import { chosen, colours, key, nextColour, pinned, toggle } from "./table_state";

export interface RowLayout {
  nameWidth: number;
  pinned: ShownColumn[];
  /** Columns in view that are not pinned, and the width of those before them. */
  cells: ShownColumn[];
  before: number;
  firstFree: number;
  total: number;
  best: Map<string, number | null>;
  decimals: Map<string, number | null>;
}

interface Props { row: number; index: number; top: number; layout: RowLayout; isActive: boolean }

export function ExperimentRow({ row, index, top, layout, isActive }: Props) {
  const id = table.value?.ids[row] ?? "";
  const isChosen = chosen.value.includes(key(id));
  let left = layout.nameWidth;
  return (
    <div id={`row-${index}`} class={`grid-row ${isActive ? "active" : ""} ${isChosen ? "chosen-row" : ""}`} role="row" aria-rowindex={index + 2} aria-selected={isChosen} style={{ transform: `translateY(${top}px)`, width: `${layout.total}px` }}>
      <NameCell id={id} row={row} width={layout.nameWidth} isChosen={isChosen} />
      {layout.pinned.map((column, place) => {
        const at = left;
        left += column.width;
        return <Cell key={column.name} column={column} row={row} index={place + 2} best={layout.best.get(column.name) ?? null} decimals={layout.decimals.get(column.name) ?? null} left={at} />;
      })}
      {layout.before > 0 && <div class="grid-gap" role="presentation" style={{ width: `${layout.before}px` }} />}
      {layout.cells.map((column, place) => (
        <Cell key={column.name} column={column} row={row} index={layout.firstFree + place + 2} best={layout.best.get(column.name) ?? null} decimals={layout.decimals.get(column.name) ?? null} />
      ))}
    </div>
  );
}

function NameCell({ id, row, width, isChosen }: { id: string; row: number; width: number; isChosen: boolean }) {
  const title = titleOfRow(row) || shortId(id);
  const colour = colours.value.get(key(id));
  const isPinned = pinned.value.includes(key(id));
  return (
    <div class="grid-cell name" role="rowheader" aria-colindex={1} style={{ width: `${width}px`, left: "0" }}>
      <input type="checkbox" aria-label={`Choose ${title}`} checked={isChosen} tabIndex={-1} onChange={() => toggle("choose", id)} />
      <button type="button" class="swatch" tabIndex={-1} aria-label={`Colour of ${title}`} title="Colour (c)" onClick={() => nextColour(id, PALETTE_SIZE)}>
        <span style={{ background: colour === undefined ? "transparent" : seriesColour(colour) }} />
      </button>
      <a href={addressOf("experiment", id)} tabIndex={-1} title={title}>{title}</a>
      <code class="quiet row-id">{shortId(id)}</code>
      <span class={`row-tools ${isPinned ? "kept" : ""}`}>
        <button type="button" class="icon-button small" tabIndex={-1} aria-label={`Pin ${title}`} aria-pressed={isPinned} title="Keep at the top (p)" onClick={() => toggle("pin", id)}><Icon name="pin" /></button>
        <button type="button" class="icon-button small" tabIndex={-1} aria-label={`Hide ${title}`} title="Hide (h)" onClick={() => toggle("hide", id)}><Icon name="hide" /></button>
      </span>
    </div>
  );
}

interface CellProps { column: ShownColumn; row: number; index: number; best: number | null; decimals: number | null; left?: number }

function Cell({ column, row, index, best, decimals, left }: CellProps) {
  const style: Record<string, string> = { width: `${column.width}px` };
  if (left !== undefined) style.left = `${left}px`;
  const value = columnValues(column.name)?.[row];
  const isBest = best !== null && value === best;
  return (
    <div class={`grid-cell ${left === undefined ? "" : "pinned"} ${column.isNumber ? "number" : ""} ${isBest ? "best" : ""}`} role="gridcell" aria-colindex={index} style={style}>
      {isBest && <span title="Best of the rows that are shown"><Icon name="best" /><span class="visually-hidden">best: </span></span>}
      {content(column, row, decimals)}
    </div>
  );
}

function content(column: ShownColumn, row: number, decimals: number | null): ComponentChildren {
  const { name } = column;
  if (name === "sparkline") {
    const metric = sparklineMetric();
    const values = sparklines(metric)?.[row];
    return values ? <Sparkline values={values} label={`Curve of ${metric}`} /> : null;
  }
  if (name === "tags") return tagsOf(row).map((tag) => <span class="tag" key={tag}>{tag}</span>);
  const value = columnValues(name)?.[row] ?? null;
  if (value === null) return null;
  if (name === "status") return <Status status={String(value)} />;
  if (name === "time") return <time title={showAge(Number(value))}>{showTime(Number(value))}</time>;
  if (name === "seconds") return showSeconds(Number(value));
  if (name === "annotations") return value === 0 ? null : showValue(value);
  if (column.section === "data" || ["code", "environment", "commit", "data"].includes(name)) return <code>{shortId(String(value))}</code>;
  const text = decimals !== null && typeof value === "number" ? showFixed(value, decimals) : showValue(value);
  return column.isNumber ? <span title={String(value)}>{text}</span> : <span class="cut" title={text.slice(0, 500)}>{text.slice(0, 300)}</span>;
}

