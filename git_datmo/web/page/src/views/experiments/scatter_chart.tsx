/** A scatter of the rows that the table shows, over any two columns. */

import { useMemo, useState } from "preact/hooks";
import { addressOf, go, parameter, setParameters } from "../../address";
import { loadedColumns, table } from "../../documents/experiments_store";
import { makeScale } from "../../charts/axis_scale";
import { CanvasChart, type Size } from "../../charts/canvas_chart";
import type { Pen } from "../../charts/pen";
import { showValue, toCsv } from "../../format";
import { ink, theme } from "../../theme";
import { titleOfRow } from "../../parts/experiment_link";
import { AxisSelect } from "./axis_select";
import { colourBy, labelOf, rowColours, scatterX, scatterY, valuesOf } from "./chart_columns";
import { ColourLegend } from "./colour_legend";
import { colours } from "./table_state";

const HEIGHT = 340;
const EDGE = { left: 74, right: 20, top: 16, bottom: 48 };
const REACH = 16;

export function ScatterChart({ rows }: { rows: number[] }) {
  const [near, setNear] = useState<number | null>(null);
  const [xName, yName] = [scatterX(), scatterY()];
  const isLog = parameter("sxlog") === "1";
  const model = useMemo(() => {
    const [xs, ys] = [valuesOf(xName, rows), valuesOf(yName, rows)];
    const [xScale, yScale] = [makeScale(xs, isLog), makeScale(ys)];
    const places = rows.map((_, at) => [xScale.place(xs[at] ?? null), yScale.place(ys[at] ?? null)] as const);
    return { xs, ys, xScale, yScale, places, ...rowColours(rows) };
  }, [rows, xName, yName, isLog, colourBy(), colours.value, loadedColumns.value, theme.value]);
  const draw = useMemo(() => (pen: Pen, size: Size) => drawScatter(pen, size, model, labelOf(xName), labelOf(yName), near), [model, near]);
  const find = (x: number, y: number, size: Size) => {
    let best: number | null = null;
    let distance = REACH;
    model.places.forEach(([px, py], at) => {
      if (px === null || py === null) return;
      const away = Math.hypot(toX(px, size) - x, toY(py, size) - y);
      if (away < distance) [best, distance] = [at, away];
    });
    return best;
  };
  const open = (x: number, y: number, size: Size) => {
    const at = find(x, y, size);
    const id = at === null ? undefined : table.value?.ids[rows[at] ?? -1];
    if (id) go(addressOf("experiment", id));
  };
  const csv = () => toCsv([["id", xName, yName], ...rows.map((row, at) => [table.value?.ids[row] ?? "", model.xs[at], model.ys[at]])]);
  const shown = near === null ? undefined : rows[near];
  return (
    <>
      <div class="options">
        <AxisSelect label="Horizontal" value={xName} onChoose={(name) => setParameters({ sx: name })} />
        <label class="field check"><input type="checkbox" checked={isLog} onChange={(event) => setParameters({ sxlog: event.currentTarget.checked ? "1" : "" })} /><span>Logarithmic</span></label>
        <AxisSelect label="Vertical" value={yName} onChoose={(name) => setParameters({ sy: name })} />
        <AxisSelect label="Colour" value={colourBy()} none="own colours" onChoose={(name) => setParameters({ by: name })} />
      </div>
      <CanvasChart name={`${labelOf(yName)} by ${labelOf(xName)}`} label={`Scatter of ${labelOf(yName)} over ${labelOf(xName)}. The table below has the same values.`} height={HEIGHT} draw={draw} csv={csv} onMove={(x, y, size) => setNear(find(x, y, size))} onLeave={() => setNear(null)} onUp={open} />
      <ColourLegend words={model.words} />
      <p class="readout" aria-hidden="true">
        {shown === undefined ? "Point at a dot to read it; click to open it." : `${titleOfRow(shown)}: ${labelOf(xName)} ${showValue(model.xs[near as number])}, ${labelOf(yName)} ${showValue(model.ys[near as number])}`}
      </p>
    </>
  );
}

interface Model {
  xScale: ReturnType<typeof makeScale>;
  yScale: ReturnType<typeof makeScale>;
  places: (readonly [number | null, number | null])[];
  colours: string[];
}

function toX(at: number, size: Size): number {
  return EDGE.left + at * (size.width - EDGE.left - EDGE.right - 16) + 8;
}

function toY(at: number, size: Size): number {
  return EDGE.top + (1 - at) * (size.height - EDGE.top - EDGE.bottom - 16) + 8;
}

function drawScatter(pen: Pen, size: Size, model: Model, xLabel: string, yLabel: string, near: number | null): void {
  const [line, muted] = [ink("line"), ink("muted")];
  const right = size.width - EDGE.right;
  const bottom = size.height - EDGE.bottom;
  for (const tick of model.yScale.ticks) {
    const y = toY(tick.at, size);
    pen.line([[EDGE.left, y], [right, y]], { colour: line });
    pen.text(EDGE.left - 8, y + 4, tick.label, { colour: muted, align: "end" });
  }
  for (const tick of model.xScale.ticks) pen.text(toX(tick.at, size), bottom + 20, tick.label, { colour: muted, align: "middle" });
  pen.text((EDGE.left + right) / 2, size.height - 8, xLabel, { colour: ink("ink"), align: "middle" });
  pen.text(14, (EDGE.top + bottom) / 2, yLabel, { colour: ink("ink"), align: "middle", turned: true });
  const alpha = model.places.length > 2000 ? 0.45 : 0.8;
  model.places.forEach(([x, y], at) => {
    if (x !== null && y !== null) pen.dot(toX(x, size), toY(y, size), 4, { colour: model.colours[at] as string, alpha });
  });
  const [x, y] = near === null ? [null, null] : (model.places[near] ?? [null, null]);
  if (x !== null && y !== null) pen.dot(toX(x, size), toY(y, size), 7, { colour: ink("ink") });
}
