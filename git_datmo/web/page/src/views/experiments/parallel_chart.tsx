/** Parallel coordinates of the rows that the table shows: one line a row, one axis a column. */

import { useMemo, useRef, useState } from "preact/hooks";
import { parameter, setParameters, writeList } from "../../address";
import { loadedColumns, table } from "../../documents/experiments_store";
import { makeScale, type AxisScale } from "../../charts/axis_scale";
import { CanvasChart, type Size } from "../../charts/canvas_chart";
import type { Pen, Point } from "../../charts/pen";
import { toCsv } from "../../format";
import { Icon } from "../../parts/icon";
import { titleOfRow } from "../../parts/experiment_link";
import { quoteName } from "../../query/conditions";
import { ink, theme } from "../../theme";
import { AxisSelect } from "./axis_select";
import { colourBy, labelOf, parallelAxes, rowColours, valuesOf } from "./chart_columns";
import { ColourLegend } from "./colour_legend";
import { colours } from "./table_state";

const HEIGHT = 360;
const EDGE = { left: 60, right: 60, top: 40, bottom: 20 };

interface Axis { name: string; scale: AxisScale; places: (number | null)[] }

export function ParallelChart({ rows }: { rows: number[] }) {
  const [near, setNear] = useState<number | null>(null);
  const start = useRef<{ axis: number; at: number } | null>(null);
  const names = parallelAxes();
  const model = useMemo(() => {
    const axes: Axis[] = names.map((name) => {
      const values = valuesOf(name, rows);
      const scale = makeScale(values);
      return { name, scale, places: values.map((value) => scale.place(value)) };
    });
    return { axes, ...rowColours(rows) };
  }, [rows, names.join(","), colourBy(), colours.value, loadedColumns.value, theme.value]);
  const draw = useMemo(() => (pen: Pen, size: Size) => drawParallel(pen, size, model.axes, model.colours, near), [model, near]);
  const move = (x: number, y: number, size: Size) => setNear(nearestLine(model.axes, rows.length, x, y, size));
  const down = (x: number, y: number, size: Size) => {
    const axis = axisAt(x, names.length, size);
    start.current = axis < 0 ? null : { axis, at: fromY(y, size) };
  };
  // A drag along an axis of numbers becomes a part of the filter.
  const up = (_: number, y: number, size: Size) => {
    const from = start.current;
    start.current = null;
    const axis = from && model.axes[from.axis];
    const at = fromY(y, size);
    if (!axis?.scale.isNumeric || Math.abs(at - from!.at) < 0.02) return;
    const [low, high] = [Math.min(at, from!.at), Math.max(at, from!.at)].map((place) => Number(axis.scale.valueAt(place).toPrecision(5)));
    if (table.value?.infos.has(axis.name) || axis.name === "seconds") {
      const name = quoteName(axis.name);
      const part = `${name} >= ${low} and ${name} <= ${high}`;
      const where = parameter("where");
      setParameters({ where: where ? `(${where}) and ${part}` : part });
    }
  };
  const csv = () => toCsv([["id", ...names], ...rows.map((row) => [table.value?.ids[row] ?? "", ...names.map((name) => valuesOf(name, [row])[0])])]);
  return (
    <>
      <div class="options">
        <AxisSelect label="Add an axis" value="" none="choose" onChoose={(name) => name && setParameters({ axes: writeList([...names.filter((each) => each !== name), name]) })} />
        <AxisSelect label="Colour" value={colourBy()} none="own colours" onChoose={(name) => setParameters({ by: name })} />
        <ul class="chips" aria-label="Axes">
          {names.map((name) => (
            <li key={name} class="chip">{labelOf(name)}<button type="button" class="icon-button tiny" aria-label={`Remove the axis ${labelOf(name)}`} onClick={() => setParameters({ axes: writeList(names.filter((each) => each !== name)) })}><Icon name="close" /></button></li>
          ))}
        </ul>
      </div>
      <div class="scroll-x" tabIndex={0} role="region" aria-label="Parallel coordinates">
        <div class="parallel-box" style={{ minWidth: `${120 * names.length}px` }}>
          <CanvasChart name="parallel coordinates" label="Parallel coordinates of the rows that are shown. The table below has the same values." height={HEIGHT} draw={draw} csv={csv} onMove={move} onLeave={() => setNear(null)} onDown={down} onUp={up} />
        </div>
      </div>
      <ColourLegend words={model.words} />
      <p class="readout" aria-hidden="true">{near === null ? "Drag along an axis to filter by it." : titleOfRow(rows[near] as number)}</p>
    </>
  );
}

function toX(axis: number, count: number, size: Size): number {
  return EDGE.left + (count === 1 ? 0.5 : axis / (count - 1)) * (size.width - EDGE.left - EDGE.right);
}

function toY(at: number, size: Size): number {
  return EDGE.top + (1 - at) * (size.height - EDGE.top - EDGE.bottom);
}

function fromY(y: number, size: Size): number {
  return 1 - (y - EDGE.top) / (size.height - EDGE.top - EDGE.bottom);
}

function axisAt(x: number, count: number, size: Size): number {
  for (let axis = 0; axis < count; axis += 1) if (Math.abs(toX(axis, count, size) - x) < 14) return axis;
  return -1;
}

function drawParallel(pen: Pen, size: Size, axes: Axis[], lineColours: string[], near: number | null): void {
  const [line, muted, dark] = [ink("line"), ink("muted"), ink("ink")];
  const alpha = lineColours.length > 500 ? 0.12 : lineColours.length > 60 ? 0.35 : 0.6;
  lineColours.forEach((colour, row) => pen.line(lineOf(axes, row, size), { colour, alpha, width: 1.2 }));
  if (near !== null) pen.line(lineOf(axes, near, size), { colour: dark, width: 2.5 });
  axes.forEach((axis, place) => {
    const x = toX(place, axes.length, size);
    pen.line([[x, toY(0, size)], [x, toY(1, size)]], { colour: muted, width: 1 });
    pen.text(x, 20, cut(labelOf(axis.name)), { colour: dark, align: "middle" });
    for (const tick of axis.scale.ticks) {
      const y = toY(tick.at, size);
      pen.line([[x - 3, y], [x + 3, y]], { colour: muted });
      pen.text(x + 7, y + 4, tick.label, { colour: muted, size: 11 });
    }
  });
  if (!axes.length) pen.text(size.width / 2, size.height / 2, "Add an axis.", { colour: line, align: "middle" });
}

function lineOf(axes: Axis[], row: number, size: Size): Point[] {
  const points: Point[] = [];
  axes.forEach((axis, place) => {
    const at = axis.places[row];
    if (at !== null && at !== undefined) points.push([toX(place, axes.length, size), toY(at, size)]);
  });
  return points;
}

/** Returns the row whose line is nearest to a place, if one is near. */
function nearestLine(axes: Axis[], count: number, x: number, y: number, size: Size): number | null {
  const gap = axes.findIndex((_, place) => place + 1 < axes.length && toX(place, axes.length, size) <= x && x <= toX(place + 1, axes.length, size));
  const [left, right] = [axes[gap], axes[gap + 1]];
  if (!left || !right) return null;
  const part = (x - toX(gap, axes.length, size)) / (toX(gap + 1, axes.length, size) - toX(gap, axes.length, size));
  let best: number | null = null;
  let distance = 10;
  for (let row = 0; row < count; row += 1) {
    const [from, to] = [left.places[row], right.places[row]];
    if (from === null || to === null || from === undefined || to === undefined) continue;
    const away = Math.abs(toY(from + (to - from) * part, size) - y);
    if (away < distance) [best, distance] = [row, away];
  }
  return best;
}

function cut(text: string): string {
  return text.length > 16 ? `${text.slice(0, 15)}…` : text;
}
