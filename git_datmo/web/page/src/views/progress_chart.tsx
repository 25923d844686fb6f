/** A metric of all experiments in their order, with the best so far as a line of steps. */

import { useMemo, useState } from "preact/hooks";
import { addressOf, go } from "../address";
import { makeScale } from "../charts/axis_scale";
import { CanvasChart, type Size } from "../charts/canvas_chart";
import type { Pen, Point } from "../charts/pen";
import { showValue, toCsv } from "../format";
import { ink, theme } from "../theme";
import type { Told } from "./story_steps";

const HEIGHT = 220;
const EDGE = { left: 64, right: 20, top: 14, bottom: 30 };

export function ProgressChart({ told, metric }: { told: Told[]; metric: string }) {
  const [near, setNear] = useState<number | null>(null);
  const draw = useMemo(() => (pen: Pen, size: Size) => drawProgress(pen, size, told, near), [told, near, theme.value]);
  const find = (x: number, _: number, size: Size) => {
    const at = Math.round(((x - EDGE.left) / (size.width - EDGE.left - EDGE.right)) * Math.max(1, told.length - 1));
    return told[at]?.value === undefined || told[at]?.value === null ? null : at;
  };
  const csv = () => toCsv([["experiment", "time", metric, "best so far"], ...told.map((each) => [each.entry.experiment, each.entry.time, each.value, each.best])]);
  const shown = near === null ? undefined : told[near];
  return (
    <>
      <CanvasChart name={`Best ${metric} so far`} label={`${metric} of each experiment in order, with the best so far. The list below tells the same.`} height={HEIGHT} draw={draw} csv={csv} onMove={(x, y, size) => setNear(find(x, y, size))} onLeave={() => setNear(null)} onUp={(x, y, size) => {
        const at = find(x, y, size);
        if (at !== null) go(addressOf("experiment", (told[at] as Told).entry.experiment));
      }} />
      <p class="readout" aria-hidden="true">{shown ? `${shown.entry.subject}: ${metric} ${showValue(shown.value)}` : "Each dot is an experiment, oldest first. The line is the best so far."}</p>
    </>
  );
}

function drawProgress(pen: Pen, size: Size, told: Told[], near: number | null): void {
  const scale = makeScale(told.map((each) => each.value));
  const toX = (at: number) => EDGE.left + (at / Math.max(1, told.length - 1)) * (size.width - EDGE.left - EDGE.right);
  const toY = (value: number | null) => {
    const place = scale.place(value);
    return place === null ? null : EDGE.top + 6 + (1 - place) * (size.height - EDGE.top - EDGE.bottom - 12);
  };
  for (const tick of scale.ticks) {
    const y = toY(scale.valueAt(tick.at)) as number;
    pen.line([[EDGE.left, y], [size.width - EDGE.right, y]], { colour: ink("line") });
    pen.text(EDGE.left - 10, y + 4, tick.label, { colour: ink("muted"), align: "end" });
  }
  const steps: Point[] = [];
  told.forEach((each, at) => {
    const y = toY(each.best);
    if (y === null) return;
    const last = steps[steps.length - 1];
    if (last && last[1] !== y) steps.push([toX(at), last[1]]);
    steps.push([toX(at), y]);
  });
  if (steps.length) pen.line(steps, { colour: ink("accent"), width: 2 });
  told.forEach((each, at) => {
    const y = toY(each.value);
    if (y === null) return;
    pen.dot(toX(at), y, each.isRecord ? 4.5 : 3, { colour: each.isRecord ? ink("accent") : ink("muted"), alpha: each.isRecord ? 1 : 0.55 });
  });
  const y = near === null ? null : toY(told[near]?.value ?? null);
  if (near !== null && y !== null) pen.dot(toX(near), y, 7, { colour: ink("ink") });
  pen.text(EDGE.left, size.height - 8, "first", { colour: ink("muted") });
  pen.text(size.width - EDGE.right, size.height - 8, "latest", { colour: ink("muted"), align: "end" });
}
