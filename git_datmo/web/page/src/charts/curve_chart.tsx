/** A chart of one or more curves: drag to zoom, double click or 0 to show all, arrow keys to move. */

import uPlot from "uplot";
import { useEffect, useRef, useState } from "preact/hooks";
import { load } from "../documents/load";
import { onPoints } from "../documents/live_events";
import type { CurveDocument } from "../documents/types";
import { shortId, showNumber, toCsv } from "../format";
import { ExportMenu } from "../parts/export_menu";
import { saveCanvas } from "../parts/save_file";
import { PALETTE_SIZE, seriesColour, seriesDash, theme } from "../theme";
import { chosenAxis, isLog, smoothing } from "./curve_options";
import { curveName, readPoints, type Points, type Range } from "./curve_source";
import { drawLines, type Line } from "./line_picture";
import { chartOptions, picture, type Drawn } from "./plot_setup";
import { smooth } from "./smoothing";

/** A curve to draw: the name of its document, and the name and colour by which people know it. */
export interface Curve { name: string; label: string; colourIndex: number }

interface Props { title: string; curves: Curve[]; height?: number }

export function CurveChart({ title, curves, height = 260 }: Props) {
  const box = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot | null>(null);
  const wanted = useRef<Range | null>(null);
  const [drawn, setDrawn] = useState<Drawn[]>([]);
  const [error, setError] = useState("");
  const [zoomed, setZoomed] = useState(false);
  const [at, setAt] = useState<number | null>(null);
  const axis = chosenAxis();
  const log = isLog();
  const weight = smoothing();
  const names = curves.map((curve) => `${curve.name}:${curve.colourIndex}`).join(" ");

  const read = async (range: Range | null) => {
    wanted.current = range;
    try {
      const found = (await Promise.all(curves.map((curve) => readCurve(curve, curves.length > 1, axis, range)))).flat();
      // A later zoom may have been answered before this one.
      if (wanted.current === range) setDrawn(found);
    } catch (problem) {
      setError((problem as Error).message);
    }
  };
  useEffect(() => {
    setZoomed(false);
    void read(null);
    const documents = new Set(curves.map((curve) => curveName(curve.name)));
    return onPoints((points) => {
      if (documents.has(points.curve)) setTimeout(() => void read(wanted.current), 0);
    });
  }, [names, axis]);

  const zoom = (range: Range | null) => {
    setZoomed(range !== null);
    void read(range);
  };
  useEffect(() => {
    if (!box.current || !drawn.length) return;
    const lines = withSmoothing(drawn, weight);
    const options = chartOptions({ lines, axis, log, width: box.current.clientWidth, height, onZoom: zoom, onCursor: setAt });
    const chart = new uPlot(options, joined(lines), box.current);
    if (wanted.current) chart.setScale("x", { min: wanted.current.low, max: wanted.current.high });
    plot.current = chart;
    const observer = new ResizeObserver(() => box.current && chart.setSize({ width: box.current.clientWidth, height }));
    observer.observe(box.current);
    return () => {
      observer.disconnect();
      chart.destroy();
      plot.current = null;
    };
  }, [drawn, weight, log, height, theme.value]);

  const keys = (event: KeyboardEvent) => {
    const scale = plot.current?.scales.x;
    if (!plot.current || scale?.min === undefined || scale.max === undefined) return;
    const next = moved(event.key, { low: scale.min, high: scale.max });
    if (next === undefined) return;
    event.preventDefault();
    if (next) plot.current.setScale("x", { min: next.low, max: next.high });
    zoom(next);
  };
  const lines = (): Line[] => drawn.map((each) => ({ label: each.label, colourIndex: each.colourIndex, dash: each.dash, xs: each.points.xs, ys: each.points.ys }));
  const csv = () => toCsv([["curve", axis, "value"], ...lines().flatMap((line) => line.xs.map((x, place) => [line.label, x, Number(line.ys[place])]))]);
  const png = () => plot.current && saveCanvas(`${title}.png`, picture(plot.current.ctx.canvas, title, drawn));
  const marks = drawn.reduce((sum, each) => sum + each.points.marks.length, 0);
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        {marks > 0 && <span class="nan-note" title="Values that are not finite are marked at the lower edge">{marks} NaN or infinite</span>}
        {zoomed && <button type="button" class="text-button" onClick={() => zoom(null)}>Show all</button>}
        <ExportMenu name={title} png={png} svg={() => drawLines(title, lines(), axis, log)} csv={csv} />
      </figcaption>
      {error ? <p class="notice">{error}</p> : (
        <div class="plot" ref={box} tabIndex={0} role="application" aria-label={`Curve of ${title}. Plus and minus zoom, arrows move, 0 shows all.`} style={{ minHeight: `${height}px` }} onKeyDown={keys} />
      )}
      {drawn.length > 0 && <Legend drawn={drawn} at={at} />}
    </figure>
  );
}

function Legend({ drawn, at }: { drawn: Drawn[]; at: number | null }) {
  return (
    <ul class="legend">
      {drawn.slice(0, 24).map((each, place) => (
        <li key={place}>
          <svg width="18" height="8" aria-hidden="true">
            <line x1="0" y1="4" x2="18" y2="4" stroke={seriesColour(each.colourIndex)} stroke-width="2" stroke-dasharray={each.dash.join(" ")} />
          </svg>
          <span class="legend-name">{each.label}</span>
          <span class="figure">{showNumber(valueNear(each.points, at), 5)}</span>
        </li>
      ))}
      {drawn.length > 24 && <li class="quiet">and {drawn.length - 24} more</li>}
    </ul>
  );
}

/** Returns the value at a place of the x axis, or the last. */
function valueNear(points: Points, x: number | null): number {
  const { xs, ys } = points;
  if (x === null) return ys[ys.length - 1] ?? NaN;
  let low = 0;
  let high = xs.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((xs[middle] as number) <= x) low = middle;
    else high = middle - 1;
  }
  return ys[low] ?? NaN;
}

async function readCurve(curve: Curve, isOneOfMany: boolean, axis: ReturnType<typeof chosenAxis>, range: Range | null): Promise<Drawn[]> {
  const name = curveName(curve.name);
  const document = await load<CurveDocument>(name);
  const many = document.series.length > 1;
  const hasRanks = document.series.some((info) => info.rank);
  return Promise.all(document.series.map(async (info, index) => {
    const part = [info.attempt && `attempt ${shortId(info.attempt)}`, (info.rank || hasRanks) && `rank ${info.rank || 0}`].filter(Boolean).join(", ");
    const label = !many ? curve.label : isOneOfMany ? `${curve.label} · ${part || index + 1}` : part || `${index + 1}`;
    const points = await readPoints(name, document, index, axis, range);
    // Beside other experiments, a colour stands for one of them, and dashes for its ranks and attempts.
    const colourIndex = isOneOfMany ? curve.colourIndex : curve.colourIndex + index;
    const dash = isOneOfMany && many ? seriesDash(index * PALETTE_SIZE) : seriesDash(colourIndex);
    return { label, colourIndex, dash, points, isFaint: false };
  }));
}

/** Returns the lines to draw: with smoothing, each raw line stays behind its smoothed one. */
function withSmoothing(drawn: Drawn[], weight: number): Drawn[] {
  if (!weight) return drawn;
  return drawn.flatMap((each) => [
    { ...each, isFaint: true },
    { ...each, points: { ...each.points, marks: [], ys: smooth(each.points.ys, weight) } },
  ]);
}

function joined(lines: Drawn[]): uPlot.AlignedData {
  const tables = lines.map(({ points }) => [points.xs, points.ys.map((y) => (Number.isFinite(y) ? y : null))] as uPlot.AlignedData);
  if (tables.length === 1) return tables[0] as uPlot.AlignedData;
  return uPlot.join(tables, tables.map(() => [1, 2]));
}

function moved(key: string, { low, high }: Range): Range | null | undefined {
  const span = high - low;
  switch (key) {
    case "+":
    case "=":
      return { low: low + span / 4, high: high - span / 4 };
    case "-":
      return { low: low - span / 2, high: high + span / 2 };
    case "ArrowLeft":
      return { low: low - span / 4, high: high - span / 4 };
    case "ArrowRight":
      return { low: low + span / 4, high: high + span / 4 };
    case "0":
      return null;
    default:
      return undefined;
  }
}
