/** All curves of an experiment; only those in view are mounted. */

import { useState } from "preact/hooks";
import { CurveChart } from "../../charts/curve_chart";
import { distinctCurves } from "../../charts/distinct_curves";
import { CurveOptions } from "../../charts/curve_options";
import type { ExperimentDocument } from "../../documents/types";
import { Icon } from "../../parts/icon";
import { WhenVisible } from "../../parts/when_visible";

export function CurvesTab({ document }: { document: ExperimentDocument }) {
  const [text, setText] = useState("");
  const curves = distinctCurves(document.metrics).filter((metric) => metric.name.toLowerCase().includes(text.toLowerCase()));
  return (
    <>
      <h2 class="visually-hidden">Curves</h2>
      <div class="toolbar">
        <label class="input search">
          <Icon name="search" />
          <span class="visually-hidden">Search metrics</span>
          <input type="search" placeholder="Search metrics" value={text} onInput={(event) => setText(event.currentTarget.value)} />
        </label>
        <CurveOptions />
      </div>
      <div class="charts">
        {curves.map((metric) => (
          <div class="panel" key={metric.name}>
            <WhenVisible height={330}>
              {() => <CurveChart title={metric.name} curves={[{ name: metric.curve, label: metric.name, colourIndex: 0 }]} />}
            </WhenVisible>
          </div>
        ))}
      </div>
    </>
  );
}
