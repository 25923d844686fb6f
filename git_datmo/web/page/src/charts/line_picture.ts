/** Draws lines with axes by a pen, to save a chart of curves as SVG. */

import { showNumber, showTime } from "../format";
import { ink, seriesColour } from "../theme";
import { makeScale } from "./axis_scale";
import type { XAxis } from "./curve_source";
import { SvgPen, type Point } from "./pen";

export interface Line { label: string; colourIndex: number; dash: number[]; xs: number[]; ys: number[] }

const WIDTH = 900;
const HEIGHT = 480;
const LEFT = 72;
const RIGHT = 24;
const TOP = 48;

export function drawLines(title: string, lines: Line[], axis: XAxis, log: boolean): string {
  const bottom = 56 + 18 * lines.length;
  const height = HEIGHT + bottom;
  const pen = new SvgPen(WIDTH, height, ink("panel"));
  const xs = makeScale(lines.flatMap((line) => line.xs));
  const ys = makeScale(lines.flatMap((line) => line.ys.map((y) => (Number.isFinite(y) ? y : null))), log);
  const toX = (at: number) => LEFT + at * (WIDTH - LEFT - RIGHT);
  const toY = (at: number) => TOP + (1 - at) * (HEIGHT - TOP);
  pen.text(LEFT, 28, title, { colour: ink("ink"), size: 16 });
  for (const tick of ys.ticks) {
    pen.line([[LEFT, toY(tick.at)], [WIDTH - RIGHT, toY(tick.at)]], { colour: ink("line") });
    pen.text(LEFT - 8, toY(tick.at) + 4, tick.label, { colour: ink("muted"), align: "end" });
  }
  for (const tick of xs.ticks) {
    const label = axis === "time" ? showTime(xs.valueAt(tick.at)) : showNumber(xs.valueAt(tick.at), 4);
    pen.text(toX(tick.at), HEIGHT + 20, label, { colour: ink("muted"), align: "middle" });
  }
  lines.forEach((line, place) => {
    const look = { colour: seriesColour(line.colourIndex), width: 1.5, dash: line.dash };
    for (const run of finiteRuns(line, xs.place, ys.place, toX, toY)) pen.line(run, look);
    const y = HEIGHT + 46 + 18 * place;
    pen.line([[LEFT, y - 4], [LEFT + 20, y - 4]], { ...look, width: 2 });
    pen.text(LEFT + 28, y, line.label, { colour: ink("ink") });
  });
  return pen.finish();
}

type Place = (value: number) => number | null;

/** Yields the parts of a line between values that cannot be drawn. */
function* finiteRuns(line: Line, placeX: Place, placeY: Place, toX: (at: number) => number, toY: (at: number) => number): Generator<Point[]> {
  let run: Point[] = [];
  for (let at = 0; at < line.xs.length; at += 1) {
    const x = placeX(line.xs[at] as number);
    const y = placeY(line.ys[at] as number);
    if (x !== null && y !== null) run.push([toX(x), toY(y)]);
    else if (run.length) {
      yield run;
      run = [];
    }
  }
  if (run.length) yield run;
}
