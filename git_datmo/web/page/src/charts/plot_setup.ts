/** Sets uPlot up: axes, colours, marks of values that are not finite, and the picture to save. */

import uPlot from "uplot";
import { showNumber, showTime } from "../format";
import { ink, seriesColour } from "../theme";
import type { Points, Range, XAxis } from "./curve_source";
import { FONT } from "./pen";

export interface Drawn { label: string; colourIndex: number; dash: number[]; points: Points; isFaint: boolean }

interface Setup {
  lines: Drawn[];
  axis: XAxis;
  log: boolean;
  width: number;
  height: number;
  onZoom: (range: Range | null) => void;
  onCursor: (x: number | null) => void;
}

export function chartOptions(setup: Setup): uPlot.Options {
  const { lines, axis, log, width, height } = setup;
  const isPositive = lines.every((line) => line.points.ys.every((y) => !(y <= 0)));
  const font = `12px ${FONT}`;
  const common: uPlot.Axis = {
    stroke: ink("muted"),
    font,
    grid: { stroke: ink("line"), width: 1 },
    ticks: { show: false },
  };
  return {
    width,
    height,
    legend: { show: false },
    cursor: { drag: { x: true, y: false, setScale: false }, points: { size: 6 } },
    // Bands of minima and maxima have steep lines, which sharp joins would make longer.
    scales: { x: { time: false }, y: { distr: log && isPositive ? 3 : 1 } },
    axes: [
      { ...common, grid: { show: false }, size: 30, values: (_, ticks) => ticks.map((tick) => showX(tick, axis)), space: axis === "time" ? 120 : 60 },
      { ...common, size: 62, values: (_, ticks) => ticks.map((tick) => (tick === null ? "" : showNumber(tick, 4))) },
    ],
    series: [{}, ...lines.map(seriesOptions)],
    hooks: {
      setSelect: [(chart) => select(chart, setup.onZoom)],
      setCursor: [(chart) => setup.onCursor(cursorX(chart))],
      draw: [(chart) => drawMarks(chart, lines)],
      ready: [(chart) => chart.over.addEventListener("dblclick", () => setup.onZoom(null))],
    },
  };
}

function seriesOptions(line: Drawn): uPlot.Series {
  const isShort = line.points.xs.length <= 60 && !line.isFaint;
  return {
    label: line.label,
    stroke: seriesColour(line.colourIndex),
    dash: line.dash,
    width: 1.5,
    alpha: line.isFaint ? 0.3 : 1,
    points: { show: isShort, size: 4 },
  };
}

function showX(value: number, axis: XAxis): string {
  if (axis === "time") return showTime(value);
  if (axis === "step") return showNumber(value, 6);
  if (value >= 3600) return `${showNumber(value / 3600, 3)} h`;
  return value >= 60 ? `${showNumber(value / 60, 3)} min` : `${showNumber(value, 3)} s`;
}

function select(chart: uPlot, onZoom: (range: Range) => void): void {
  const { left, width } = chart.select;
  if (width < 4) return;
  onZoom({ low: chart.posToVal(left, "x"), high: chart.posToVal(left + width, "x") });
}

function cursorX(chart: uPlot): number | null {
  const { left } = chart.cursor;
  return left === undefined || left < 0 ? null : chart.posToVal(left, "x");
}

/** Marks values that are not finite by crosses at the lower edge. */
function drawMarks(chart: uPlot, lines: Drawn[]): void {
  const { ctx, bbox } = chart;
  const radius = 3 * devicePixelRatio;
  const y = bbox.top + bbox.height - 2 * radius;
  ctx.save();
  ctx.lineWidth = 1.5 * devicePixelRatio;
  for (const line of lines) {
    ctx.strokeStyle = seriesColour(line.colourIndex);
    for (const mark of line.points.marks) {
      const x = chart.valToPos(mark, "x", true);
      if (x < bbox.left || x > bbox.left + bbox.width) continue;
      ctx.beginPath();
      ctx.moveTo(x - radius, y - radius);
      ctx.lineTo(x + radius, y + radius);
      ctx.moveTo(x - radius, y + radius);
      ctx.lineTo(x + radius, y - radius);
      ctx.stroke();
    }
  }
  ctx.restore();
}

/** Returns the canvas with background, title and legend, to save it. */
export function picture(source: HTMLCanvasElement, title: string, lines: Drawn[]): HTMLCanvasElement {
  const ratio = devicePixelRatio;
  const canvas = document.createElement("canvas");
  canvas.width = source.width;
  canvas.height = source.height + (40 + 20 * lines.length) * ratio;
  const context = canvas.getContext("2d") as CanvasRenderingContext2D;
  context.fillStyle = ink("panel");
  context.fillRect(0, 0, canvas.width, canvas.height);
  context.drawImage(source, 0, 32 * ratio);
  context.scale(ratio, ratio);
  context.fillStyle = ink("ink");
  context.font = `600 15px ${FONT}`;
  context.fillText(title, 12, 22);
  context.font = `12px ${FONT}`;
  lines.forEach((line, place) => {
    const y = source.height / ratio + 48 + 20 * place;
    context.fillStyle = seriesColour(line.colourIndex);
    context.fillRect(12, y - 5, 18, 3);
    context.fillStyle = ink("ink");
    context.fillText(line.label, 38, y);
  });
  return canvas;
}
