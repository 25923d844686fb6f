/** Curves of the same metric over each other. */

import { CurveChart, type Curve } from "../../charts/curve_chart";
import { distinctCurves } from "../../charts/distinct_curves";
import { CurveOptions } from "../../charts/curve_options";
import type { ExperimentDocument } from "../../documents/types";
import { WhenVisible } from "../../parts/when_visible";
import { cutTitle } from "../../format";
import { titleOf } from "../experiment/experiment_view";

interface Props {
  documents: ExperimentDocument[];
  labelOf?: (document: ExperimentDocument, place: number) => string;
  colourOf?: (document: ExperimentDocument, place: number) => number;
}

function numbered(document: ExperimentDocument, place: number): string {
  return `${place + 1}. ${cutTitle(titleOf(document), 50)}`;
}

export function CompareCurves({ documents, labelOf = numbered, colourOf = (_, place) => place }: Props) {
  const curves = new Map<string, Curve[]>();
  documents.forEach((document, place) => {
    for (const metric of distinctCurves(document.metrics)) {
      const list = curves.get(metric.name) ?? [];
      list.push({ name: metric.curve, label: labelOf(document, place), colourIndex: colourOf(document, place) });
      curves.set(metric.name, list);
    }
  });
  if (!curves.size) return <p class="quiet">These experiments have no curves.</p>;
  return (
    <>
      <h2 class="visually-hidden">Curves</h2>
      <div class="toolbar"><CurveOptions /></div>
      <div class="charts">
        {[...curves].map(([name, list]) => (
          <div class="panel" key={name}><WhenVisible height={380}>{() => <CurveChart title={name} curves={list} height={300} />}</WhenVisible></div>
        ))}
      </div>
    </>
  );
}
