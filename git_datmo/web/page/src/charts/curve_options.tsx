/** Options of all curves of a view; they are in the address. */

import { parameter, setParameters } from "../address";
import type { XAxis } from "./curve_source";

const AXES: [XAxis, string][] = [
  ["step", "Step"],
  ["relative", "Relative time"],
  ["time", "Time of day"],
];

export function chosenAxis(): XAxis {
  const text = parameter("x");
  return text === "relative" || text === "time" ? text : "step";
}

export function isLog(): boolean {
  return parameter("log") === "1";
}

export function smoothing(): number {
  const weight = Number(parameter("smooth"));
  return weight > 0 && weight < 1 ? weight : 0;
}

export function CurveOptions() {
  return (
    <div class="options">
      <label class="field">
        <span>Horizontal</span>
        <select value={chosenAxis()} onChange={(event) => setParameters({ x: event.currentTarget.value === "step" ? "" : event.currentTarget.value })}>
          {AXES.map(([value, label]) => <option key={value} value={value}>{label}</option>)}
        </select>
      </label>
      <label class="field check">
        <input type="checkbox" checked={isLog()} onChange={(event) => setParameters({ log: event.currentTarget.checked ? "1" : "" })} />
        <span>Logarithmic</span>
      </label>
      <label class="field">
        <span>Smoothing</span>
        <input type="range" min="0" max="0.99" step="0.01" value={smoothing()} onInput={(event) => setParameters({ smooth: event.currentTarget.value === "0" ? "" : event.currentTarget.value }, "replace")} />
        <output class="figure">{smoothing().toFixed(2)}</output>
      </label>
    </div>
  );
}
